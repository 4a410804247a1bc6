import type Router from '@koa/router'
import type { Context } from 'koa'
import { FILES, nameFromPath } from '../../api/paths.ts'
import {
  type FileStore,
  InvalidArgumentError,
  type LinkOptions,
  NotFoundError,
  type PutOptions,
} from '../../index.ts'
import { isForm, receiveForm } from '../form/receive-form.ts'
import { answerHealth, answerManifest } from '../inspect.ts'
import { link } from '../link.ts'
import { flag, parameter } from '../query.ts'
import { answerReceipt, receive } from '../receive.ts'
import { serveFile } from '../serve-file.ts'
import { checkConditions, typeOf } from '../upload-options.ts'

export const FILES_ROUTE = '/files/*name'

/** Files by name: a key-value store for opaque paths, the last writer wins. */
export function fileRoutes(router: Router, store: FileStore): void {
  const path = FILES_ROUTE
  const nameOf = (ctx: Context) => nameFromPath(ctx.path, FILES)
  const put = async (ctx: Context, options: PutOptions) => {
    answerReceipt(ctx, await receive(ctx, store, { ...options, ...typeOf(ctx) }))
  }

  router.get(path, async (ctx) => {
    const aspect = aspectOf(ctx)
    const file = await store.find({ name: nameOf(ctx) })
    if (aspect === 'manifest') answerManifest(ctx, file, 'name')
    else if (aspect === 'health') await answerHealth(ctx, file)
    else await serveFile(ctx, file, 'name')
  })
  const putOrLink = async (ctx: Context, options: LinkOptions) => {
    if (ctx.query.from === undefined) return put(ctx, options)
    answerReceipt(ctx, await link(ctx, store, { ...options, ...typeOf(ctx) }))
  }
  router.put(path, (ctx) => putOrLink(ctx, { name: nameOf(ctx) }))
  router.post(path, (ctx) => putOrLink(ctx, { name: nameOf(ctx), createOnly: true }))
  router.post('/files', (ctx) => {
    if (isForm(ctx)) return receiveForm(ctx, store)
    const name = parameter(ctx, 'name')
    return put(ctx, name === undefined ? {} : { name })
  })
  router.delete(path, async (ctx) => {
    const name = nameOf(ctx)
    await checkConditions(ctx, store, { name })
    const wasThere = await store.delete({ name }, { purge: flag(ctx, 'purge') })
    if (!wasThere) throw new NotFoundError(`there is no file ${JSON.stringify(name)}`)
    ctx.status = 204
  })
}

/** A name may hold anything, slashes too, so that what else there is to ask of it is a query. */
function aspectOf(ctx: Context): 'content' | 'manifest' | 'health' {
  const isManifest = flag(ctx, 'manifest')
  const isHealth = flag(ctx, 'health')
  if (isManifest && isHealth) {
    throw new InvalidArgumentError('either the manifest or the health is asked for, not both')
  }
  return isManifest ? 'manifest' : isHealth ? 'health' : 'content'
}
