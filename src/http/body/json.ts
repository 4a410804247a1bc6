import type { Context, Middleware } from 'koa'
import { HttpProblem } from '../problem.ts'
import { bodyParser } from './koa-body.ts'

/** Room for some ten thousand hashes. */
const MAX_BYTES = 1024 * 1024

/** Parses the small JSON body of a request into `ctx.request.body`, of any Content-Type. */
export function jsonBody(): Middleware {
  let parser: Promise<Middleware> | undefined
  return async (ctx, next) => {
    parser ??= createParser().catch((error) => {
      parser = undefined
      throw error
    })
    const parse = await parser
    ctx.exchange.askForBody()
    await parse(ctx, next)
  }
}

async function createParser(): Promise<Middleware> {
  const { koaBody } = await bodyParser()
  return koaBody({
    jsonTypes: ['*/*'],
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
  const isList = Array.isArray(hashes) && hashes.every((hash) => typeof hash === 'string')
  if (isList && hashes.length <= limit) return hashes
  throw new HttpProblem('bad-request', `the body is {"hashes": […]} with at most ${limit} strings`)
}
