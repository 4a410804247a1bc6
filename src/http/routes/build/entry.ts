import type { Context } from 'koa'
import { nameFromPath } from '../../../api/paths.ts'

/**
 * The path of a protocol's routes behind any prefix, which keeps the builds that use it apart from
 * others. Some are none: what a user calls a file is nobody else's, and assets are for everybody.
 * @param tail What a regular expression says of the path after the prefix.
 */
export function behindPrefix(tail: string): RegExp {
  return new RegExp(`^/(?!(?:files|blobs|assets)/)(?:.*/)?${tail}$`)
}

/**
 * An entry of a build tool is the file whose name is its path: there is one namespace, and
 * `/files/<path>` shows, verifies and deletes it. Repeated slashes, which come from a slash at the
 * end of a tool's setting, count as one.
 */
export function entryName(ctx: Context): string {
  return nameFromPath(ctx.path.replace(/\/{2,}/g, '/'), '/')
}
