import { nameFromPath } from '../../../api/paths.ts'
import type { Exchange } from '../../exchange/exchange.ts'

/**
 * An entry of a build tool is the file whose name is its path: there is one namespace, and
 * `/files/<path>` shows, verifies and deletes it. Repeated slashes, which come from a slash at the
 * end of a tool's setting, count as one.
 */
export function entryName({ path }: Exchange): string {
  return nameFromPath(path.replace(/\/{2,}/g, '/'), '/')
}
