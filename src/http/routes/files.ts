import type Router from '@koa/router'
import { FILES, nameFromPath, UNNAMED } from '../../api/paths.ts'
import { type FileStore, InvalidArgumentError, NotFoundError } from '../../index.ts'
import { isForm, receiveForm } from '../body/form.ts'
import { deleteUnderConditions } from '../content/conditions.ts'
import { FILES_ROUTE } from '../content/content.ts'
import { putFile, typeOf } from '../content/put.ts'
import type { Exchange } from '../exchange/exchange.ts'
import { answerHealth, answerManifest } from './inspect.ts'

/** What there is to do with files by name beside what `content` does. */
export function fileRoutes(router: Router, store: FileStore): void {
  const nameOf = ({ path }: Exchange) => nameFromPath(path, FILES)

  router.get(FILES_ROUTE, async ({ exchange }) => {
    const aspect = aspectOf(exchange)
    const file = await store.find({ name: nameOf(exchange) })
    if (aspect === 'manifest') await answerManifest(exchange, store, file, 'name')
    else await answerHealth(exchange, store, file)
  })
  router.post(FILES_ROUTE, ({ exchange }) =>
    putFile(exchange, store, { name: nameOf(exchange), ...typeOf(exchange), createOnly: true }),
  )
  router.post(UNNAMED, async (ctx) => {
    const { exchange } = ctx
    if (isForm(exchange)) return receiveForm(ctx, store)
    const name = exchange.query.text('name')
    await putFile(exchange, store, { ...(name !== undefined && { name }), ...typeOf(exchange) })
  })
  router.delete(FILES_ROUTE, async (ctx) => {
    const { exchange } = ctx
    const name = nameOf(exchange)
    const purge = exchange.query.flag('purge')
    if (!(await deleteUnderConditions(exchange, store, { name, purge }))) {
      throw new NotFoundError(`there is no file ${JSON.stringify(name)}`)
    }
    ctx.status = 204
  })
}

function aspectOf({ query }: Exchange): 'manifest' | 'health' {
  if (!query.flag('health')) return 'manifest'
  if (!query.flag('manifest')) return 'health'
  throw new InvalidArgumentError('either the manifest or the health is asked for, not both')
}
