import type Router from '@koa/router'
import type { Context } from 'koa'
import { etagOf, weakEtagOf } from '../../api/fields.ts'
import { nameFromPath } from '../../api/paths.ts'
import type { FileStore, StoredFile } from '../../index.ts'
import { HttpProblem } from '../problem.ts'

/**
 * As much of WebDAV (RFC 4918) as clients ask for before they upload: whether a folder is there.
 * Every path that ends in a slash is one, always, so that MKCOL has nothing to do and answers 405.
 */
export function webdavRoutes(router: Router, store: FileStore): void {
  router.register('/files{/*name}{/}', ['PROPFIND'], async (ctx) => {
    if (ctx.get('Depth') !== '0') {
      throw new HttpProblem('bad-request', 'names cannot be listed: ask for one, with Depth: 0')
    }
    const name = nameFromPath(ctx.path, '/files/')
    const isFolder = name === '' || name.endsWith('/')
    const file = isFolder ? undefined : await store.get({ name }, { signal: ctx.exchange.signal })
    ctx.status = 207
    ctx.type = 'application/xml'
    ctx.body = multistatus(ctx, file === undefined ? folderProperties() : fileProperties(file))
  })
}

function folderProperties(): string {
  return `<D:resourcetype><D:collection/></D:resourcetype>
        <D:getlastmodified>${new Date().toUTCString()}</D:getlastmodified>`
}

function fileProperties({ hash, size, storedAt, type, isProven }: StoredFile): string {
  const etag = isProven ? etagOf(hash) : weakEtagOf(hash)
  return `<D:resourcetype/>
        <D:getlastmodified>${storedAt.toUTCString()}</D:getlastmodified>
        <D:getcontentlength>${size}</D:getcontentlength>
        <D:getcontenttype>${escapeXml(type ?? 'application/octet-stream')}</D:getcontenttype>
        <D:getetag>${etag}</D:getetag>`
}

function multistatus(ctx: Context, properties: string): string {
  return `<?xml version="1.0" encoding="utf-8"?>
<D:multistatus xmlns:D="DAV:">
  <D:response>
    <D:href>${escapeXml(ctx.exchange.base + ctx.path)}</D:href>
    <D:propstat>
      <D:prop>
        ${properties}
      </D:prop>
      <D:status>HTTP/1.1 200 OK</D:status>
    </D:propstat>
  </D:response>
</D:multistatus>
`
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
