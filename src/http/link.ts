import type { Context } from 'koa'
import { type FileStore, InvalidArgumentError, type LinkOptions, type Receipt } from '../index.ts'
import { ttlOf } from './receive.ts'
import { abortSignal } from './signal.ts'

/** `?from=<hash>`: names content that is here already, so its bytes need not be sent again. */
export function link(ctx: Context, store: FileStore, options: LinkOptions): Promise<Receipt> {
  const { from } = ctx.query
  const hasBody = 'transfer-encoding' in ctx.headers || Number(ctx.get('Content-Length')) > 0
  if (typeof from !== 'string' || hasBody) {
    throw new InvalidArgumentError('from takes one content hash, and then there is no body', {
      expected: '?from=<hash> and an empty body',
    })
  }
  return store.link(from, { ...options, ...ttlOf(ctx), signal: abortSignal(ctx) })
}
