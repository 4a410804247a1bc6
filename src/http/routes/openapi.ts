import { createHash } from 'node:crypto'
import type Router from '@koa/router'
import { VERSION } from '../../version.ts'
import { openApiDocument } from '../openapi/document.ts'

/** The server's own description, which any page may read. */
export function openApiRoutes(router: Router): void {
  const describe = (base: string) => {
    const document = JSON.stringify(openApiDocument(VERSION, base))
    return { document, etag: `"${createHash('sha256').update(document).digest('base64url')}"` }
  }
  // One is enough: a server has one base path, or one mount.
  let last = { base: '', ...describe('') }

  router.get('/openapi.json', (ctx) => {
    const { base } = ctx.exchange
    if (base !== last.base) last = { base, ...describe(base) }
    const { document, etag } = last
    ctx.set('Cache-Control', 'no-cache')
    ctx.set('ETag', etag)
    ctx.status = 200
    if (ctx.fresh) {
      ctx.status = 304
      return
    }
    ctx.type = 'application/json'
    ctx.body = document
  })
}
