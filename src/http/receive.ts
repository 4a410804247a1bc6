import type { Context } from 'koa'
import type { FileStore, PutOptions, Receipt } from '../index.ts'
import { etagOf } from './entity-tags.ts'
import { pathOfHash, pathOfName } from './paths.ts'
import { bodyOf, contentLength } from './request-body.ts'
import { underConditions, uploadOptions } from './upload-options.ts'

/**
 * Streams the request's body into the store, as its query and fields ask for: `ttl`, digests,
 * preconditions. Whatever it fails with, nothing leads to the bytes.
 */
export async function receive(
  ctx: Context,
  store: FileStore,
  options: PutOptions,
): Promise<Receipt> {
  const size = contentLength(ctx.req)
  const upload = store.put(bodyOf(ctx), {
    ...uploadOptions(ctx, store, options),
    ...(size !== undefined && { size }),
  })
  return underConditions(ctx, upload)
}

/** The receipt as the answer to an upload, 201 where something new came to be. */
export function answerReceipt(ctx: Context, receipt: Receipt): void {
  const json = receiptJson(receipt)
  ctx.status = receipt.created ? 201 : 200
  ctx.set('Location', json.url)
  ctx.set('ETag', etagOf(receipt.hash))
  ctx.body = json
}

export function receiptJson({ hash, size, chunks, name, type }: Receipt) {
  const url = name === undefined ? pathOfHash(hash) : pathOfName(name)
  return { hash, size, chunks, name, type, url }
}
