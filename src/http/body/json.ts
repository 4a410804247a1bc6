import type { Context, Middleware } from 'koa'
import type { FileStore } from '../../index.ts'
import { orAborted } from '../../or-aborted.ts'
import type { Exchange } from '../exchange/exchange.ts'
import { HttpProblem } from '../problem.ts'

/** Room for some ten thousand hashes. */
const MAX_BYTES = 1024 * 1024

/** Bytes of memory for each byte of a body: itself, and what it is parsed into. */
const COST = 4
/** Bytes of memory for each hash that is looked up. */
const LOOKUP_COST = 550

/**
 * Parses the small JSON body of a request into `ctx.request.body`, whatever its Content-Type, once there is memory for
 * it. What it is used for takes memory of its own.
 */
export function jsonBody(store: FileStore): Middleware {
  let parser: Promise<Middleware> | undefined
  return async (ctx, next) => {
    parser ??= createParser().catch((error) => {
      parser = undefined
      throw error
    })
    const parse = await parser
    const { exchange } = ctx
    const { signal } = exchange
    const receive = () => {
      exchange.askForBody()
      ctx.req.headers['content-type'] = 'application/json'
      // A decoder never learns that a client stopped sending.
      return orAborted(
        parse(ctx, async () => {}),
        signal,
      )
    }
    await store.withMemory(COST * sizeOf(exchange), receive, { kind: 'receiving', signal })
    await next()
  }
}

/** Looks up as many hashes once there is memory for it. */
export function lookUp<T>(
  store: FileStore,
  count: number,
  { signal }: Exchange,
  work: () => Promise<T>,
): Promise<T> {
  return store.withMemory(LOOKUP_COST * count, work, { signal })
}

/** Bytes that the body may have once it is decoded. */
function sizeOf({ headers, contentLength = MAX_BYTES }: Exchange): number {
  return headers['content-encoding'] === undefined ? Math.min(contentLength, MAX_BYTES) : MAX_BYTES
}

/** koa-body makes up half of the server's code in memory, and few servers ever get a list of hashes. */
async function createParser(): Promise<Middleware> {
  const { koaBody } = await import('koa-body')
  return koaBody({
    jsonLimit: MAX_BYTES,
    text: false,
    urlencoded: false,
    patchNode: false,
    onError: (error) => {
      if ('type' in error && error.type === 'entity.too.large') {
        throw new HttpProblem('too-large', `a request like this has at most ${MAX_BYTES} bytes`)
      }
      throw new HttpProblem('bad-request', 'the body is not valid JSON')
    },
  })
}

/**
 * The `hashes` of a body `{"hashes": [...]}`.
 * @throws {HttpProblem} unless it is a list of at most `limit` strings.
 */
export function hashesOf(ctx: Context, limit: number): string[] {
  const { hashes } = (ctx.request.body ?? {}) as { hashes?: unknown }
  delete ctx.request.body // The rest of it need not stay.
  const isList = Array.isArray(hashes) && hashes.every((hash) => typeof hash === 'string')
  if (isList && hashes.length <= limit) return hashes
  throw new HttpProblem('bad-request', `the body is {"hashes": […]} with at most ${limit} strings`)
}
