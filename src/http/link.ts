import type { Context } from 'koa'
import { type FileStore, InvalidArgumentError, type LinkOptions, type Receipt } from '../index.ts'
import { parameter } from './query.ts'
import { hasBody } from './request-body.ts'
import { commitOptions, underConditions } from './upload-options.ts'

/** `?from=<hash>`: names content that is here already, so its bytes need not be sent again. */
export function link(ctx: Context, store: FileStore, options: LinkOptions): Promise<Receipt> {
  const from = parameter(ctx, 'from')
  if (from === undefined || hasBody(ctx.req)) {
    throw new InvalidArgumentError('from takes one content hash, and then there is no body', {
      expected: '?from=<hash> and an empty body',
    })
  }
  return underConditions(ctx, store.link(from, commitOptions(ctx, store, options)))
}
