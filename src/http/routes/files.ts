import type Router from '@koa/router'
import type { Context } from 'koa'
import { type FileStore, type LinkOptions, NotFoundError, type PutOptions } from '../../index.ts'
import { link } from '../link.ts'
import { nameFromPath } from '../paths.ts'
import { answerReceipt, receive } from '../receive.ts'
import { serveFile } from '../serve-file.ts'

/** Files by name: a key-value store for opaque paths, the last writer wins. */
export function fileRoutes(router: Router, store: FileStore): void {
  const path = '/files/*name'
  const nameOf = (ctx: Context) => nameFromPath(ctx.path, '/files/')
  const put = async (ctx: Context, options: PutOptions) => {
    answerReceipt(ctx, await receive(ctx, store, { ...options, ...typeOf(ctx) }))
  }

  router.get(path, async (ctx) => {
    await serveFile(ctx, await store.find({ name: nameOf(ctx) }), 'name')
  })
  const putOrLink = async (ctx: Context, options: LinkOptions) => {
    if (ctx.query.from === undefined) return put(ctx, options)
    answerReceipt(ctx, await link(ctx, store, { ...options, ...typeOf(ctx) }))
  }
  router.put(path, (ctx) => putOrLink(ctx, { name: nameOf(ctx) }))
  router.post(path, (ctx) => putOrLink(ctx, { name: nameOf(ctx), createOnly: true }))
  router.post('/files', (ctx) => put(ctx, nameInQuery(ctx)))
  router.delete(path, async (ctx) => {
    const name = nameOf(ctx)
    const wasThere = await store.delete({ name }, { purge: isPurge(ctx) })
    if (!wasThere) throw new NotFoundError(`there is no file ${JSON.stringify(name)}`)
    ctx.status = 204
  })
}

export function isPurge(ctx: Context): boolean {
  return ctx.query.purge === 'true' || ctx.query.purge === ''
}

/** Kept as it was sent: bodies are never parsed by their type. */
function typeOf(ctx: Context): { type?: string } {
  const type = ctx.get('Content-Type')
  return type === '' ? {} : { type }
}

function nameInQuery(ctx: Context): { name?: string } {
  const { name } = ctx.query
  return typeof name === 'string' ? { name } : {}
}
