import type { Middleware } from 'koa'
import { BLOBS, FILES, nameFromPath } from '../../api/paths.ts'
import { Digest, type FileStore } from '../../index.ts'
import type { Exchange } from '../exchange/exchange.ts'
import { type ContentRef, getFile } from './get.ts'
import { putFile, typeOf } from './put.ts'

/** The patterns of the paths of content, as metrics and logs call them. */
export const FILES_ROUTE = '/files/*name'
export const BLOBS_ROUTE = '/blobs/:hash'

/** Another way to answer reads. */
export interface ContentReads {
  get(exchange: Exchange, ref: ContentRef): Promise<void>
}

/**
 * Answers GET, HEAD and PUT of files and blobs, which is most of what is asked for. It stands before the
 * router, whose matching takes longer than Koa and Node's HTTP together. The rest is for the router.
 * @param reads Answers GET and HEAD. Default: from the store alone.
 */
export function content(store: FileStore, reads?: ContentReads): Middleware {
  const read = (exchange: Exchange, ref: ContentRef) =>
    reads === undefined ? getFile(exchange, store, ref) : reads.get(exchange, ref)
  return ({ exchange }, next) => {
    const { method, path } = exchange
    const isRead = method === 'GET' || method === 'HEAD'
    if (!isRead && method !== 'PUT') return next()
    if (path.startsWith(FILES) && path.length > FILES.length) {
      if (isRead && asksForAspect(exchange)) return next()
      exchange.route = FILES_ROUTE
      const name = nameFromPath(path, FILES)
      return isRead
        ? read(exchange, { name })
        : putFile(exchange, store, { name, ...typeOf(exchange) })
    }
    if (path.startsWith(BLOBS) && path.length > BLOBS.length && !path.includes('/', BLOBS.length)) {
      exchange.route = BLOBS_ROUTE
      const hash = Digest.parse(path.slice(BLOBS.length))
      return isRead ? read(exchange, { hash }) : putFile(exchange, store, { digest: hash })
    }
    return next()
  }
}

/** A name may hold anything, slashes too, so that what else there is to ask of it is a query. */
function asksForAspect({ query }: Exchange): boolean {
  return query.flag('manifest') || query.flag('health')
}
