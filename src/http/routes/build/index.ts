import type Router from '@koa/router'
import type { FileStore } from '../../../index.ts'
import { bazelRoutes } from './bazel.ts'
import { nxRoutes } from './nx.ts'
import { turborepoRoutes } from './turborepo.ts'

export { buildDialect } from './dialects.ts'

/** The protocols of build tools; what only needs GET and PUT uses /files. */
export function buildRoutes(router: Router, store: FileStore): void {
  bazelRoutes(router, store)
  nxRoutes(router, store)
  turborepoRoutes(router, store)
}
