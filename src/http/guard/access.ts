import { TURBOREPO } from '../../api/build-paths.ts'
import { BATCH, MISSING } from '../../api/paths.ts'

/**
 * What a request needs: `open` nothing; `read` a token of either kind, unless reading is public;
 * `inspect` a token of either kind; `write` a token that may write.
 */
export type Access = 'open' | 'read' | 'inspect' | 'write'

/** The page at / holds no data: it asks for the token and sends it itself. */
const OPEN = new Set(['/', '/healthz', '/readyz'])
const OPEN_FOLDER = '/assets/'

/** What the server tells about itself is not for everyone who may read files. */
const INSPECT = new Set(['/metrics', '/fleet'])

const READS = new Set(['GET', 'HEAD', 'PROPFIND'])

/** Decided by method and path alone, before anything of the request is looked at. */
export function accessTo(method: string, path: string): Access {
  if (method === 'OPTIONS') return 'open' // Browsers and build tools ask it before they send a token.
  if (method === 'POST') return asksByPost(path) ? 'read' : 'write'
  if (!READS.has(method)) return 'write'
  if (OPEN.has(path) || path.startsWith(OPEN_FOLDER)) return 'open'
  return INSPECT.has(path) ? 'inspect' : 'read'
}

/** A question that is too long for a path. */
function asksByPost(path: string): boolean {
  return path === MISSING || path === BATCH || TURBOREPO.question.test(path)
}
