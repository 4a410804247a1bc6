import type Router from '@koa/router'
import { AC_PATH, CAS_PATH } from '../../../api/build-paths.ts'
import { etagOf } from '../../../api/fields.ts'
import { Digest, type FileStore, NotFoundError } from '../../../index.ts'
import { getFile } from '../../content/get.ts'
import { putFile } from '../../content/put.ts'
import type { Exchange } from '../../exchange/exchange.ts'
import { bodyFields } from '../../fields/content.ts'
import { entryName } from './entry.ts'
import { checkOutputs } from './outputs.ts'

/** What the routes are called in metrics and logs. */
const LABEL = { ac: '*/ac/:hash', cas: '*/cas/:hash' }

const NOT_EMPTY = { whyNotEmpty: 'an action result has at least one byte' }

/** The HTTP caching protocol of Bazel: action results under ac/, the content they name under cas/. */
export function bazelRoutes(router: Router, store: FileStore): void {
  // Opaque bytes under a key that says nothing about them, the last writer wins.
  router.get(LABEL.ac, AC_PATH, ({ exchange }) =>
    getFile(
      exchange,
      store,
      { name: entryName(exchange) },
      {
        check: (file) => checkOutputs(store, file, exchange.signal),
      },
    ),
  )
  router.put(LABEL.ac, AC_PATH, ({ exchange }) =>
    putFile(exchange, store, { name: entryName(exchange) }, NOT_EMPTY),
  )
  router.delete(AC_PATH, async (ctx) => {
    const name = entryName(ctx.exchange)
    if (!(await store.delete({ name }))) throw new NotFoundError(`there is no entry ${name}`)
    ctx.status = 204
  })

  // The same content as /blobs/<hash> behind any prefix.
  router.get(LABEL.cas, CAS_PATH, async ({ exchange }) => {
    const hash = contentHash(exchange)
    if (hash.equals(Digest.empty)) serveNothing(exchange)
    else await getFile(exchange, store, { hash })
  })
  router.put(LABEL.cas, CAS_PATH, ({ exchange }) =>
    putFile(exchange, store, { digest: contentHash(exchange) }),
  )
}

function contentHash({ path }: Exchange): Digest {
  return Digest.parse(path.slice(-64))
}

/** Clients never upload the empty blob and count on finding it. */
function serveNothing(exchange: Exchange): void {
  exchange.isHit = true
  exchange.answer(200, [
    'ETag',
    etagOf(Digest.empty.hex),
    'Cache-Status',
    'blobcached; hit',
    ...bodyFields('application/octet-stream', 0),
  ])
}
