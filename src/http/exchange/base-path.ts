import type { IncomingMessage } from 'node:http'
import type { Context } from 'koa'
import { basePathOf } from '../../api/paths.ts'
import { InvalidArgumentError } from '../../index.ts'

/** @throws {InvalidArgumentError} unless it is a base path. */
export function checkBasePath(text: string): string {
  const path = basePathOf(text)
  if (path !== undefined) return path
  throw new InvalidArgumentError('not a base path', {
    expected: 'a path such as /cache that does not begin as a path of the server does',
    actual: JSON.stringify(text),
  })
}

/** Takes the base path off the path of a request, unless a proxy has done so. */
export function takeOff(basePath: string, ctx: Context): void {
  const { path } = ctx
  if (path === basePath) ctx.path = '/'
  else if (path.startsWith(`${basePath}/`)) ctx.path = path.slice(basePath.length)
}

/** What the client asked for, without the query: nothing is taken off. */
export function askedPath(ctx: Context): string {
  return pathIn(askedUrl(ctx))
}

/** Express and connect tell it so; Koa has the context of the application that mounts this one. */
function askedUrl({ req, originalUrl }: Context): string {
  return (req as IncomingMessage & { originalUrl?: string }).originalUrl ?? originalUrl
}

/** The path that another application has taken off before it passed a request on to this one. */
export function mountOf(ctx: Context): string {
  if (askedUrl(ctx) === ctx.url) return ''
  const [asked, own] = [askedPath(ctx), pathIn(ctx.url)]
  if (asked.endsWith(own)) return asked.slice(0, asked.length - own.length)
  return own === '/' ? asked : ''
}

function pathIn(url: string): string {
  const path = url.replace(/^[a-z]+:\/\/[^/?#]*/i, '').replace(/[?#].*$/s, '')
  return path.replace(/^\/{2,}/, '/') // Or what begins with it would be another host.
}
