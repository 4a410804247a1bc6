import type { Context } from 'koa'
import { etagOf } from '../api/fields.ts'
import { receiptJson, receiptUrl } from '../api/receipt.ts'
import type { FileStore, PutOptions, Receipt } from '../index.ts'
import { type Fields, setFields } from './content-headers.ts'
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
  ctx.status = receipt.created ? 201 : 200
  setFields(ctx.res, receiptFields(receipt))
  ctx.body = receiptJson(receipt)
}

export function receiptFields(receipt: Receipt): Fields {
  return ['Location', receiptUrl(receipt), 'ETag', etagOf(receipt.hash)]
}
