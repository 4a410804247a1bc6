import { hasAsterisk } from '../../api/entity-tags.ts'
import { evaluate, isConditional, type Validators } from '../../api/preconditions.ts'
import {
  type CommitOptions,
  type Digest,
  ExistsError,
  type FileRef,
  type FileStore,
  PreconditionFailedError,
  type StoredFile,
  UnavailableError,
} from '../../index.ts'
import type { Exchange } from '../exchange/exchange.ts'
import { isLost } from '../problem.ts'

/** How often a deletion looks again, since others write the name at the same time. */
const MAX_LOOKS = 32

/** What making a link is subject to: the conditions of the request and how long it shall live. */
export function commitOptions<T extends CommitOptions>(
  exchange: Exchange,
  store: FileStore,
  options: T,
  hash?: Digest,
): T {
  const { name } = options
  const ref = name !== undefined ? { name } : hash && { hash }
  const isUnderCondition = ref !== undefined && isConditional(exchange.headers)
  return {
    ...options,
    ...exchange.query.ttl(),
    ...(isUnderCondition && { precondition: () => checkConditions(exchange, store, ref) }),
    ...(isCreateOnly(exchange) && { createOnly: true }),
  }
}

/**
 * Resolves with the file that fulfils the conditions of the request, where there are some.
 * @throws {PreconditionFailedError} unless what is there now is what the request says it is.
 */
export async function checkConditions(
  exchange: Exchange,
  store: FileStore,
  ref: FileRef,
): Promise<StoredFile | undefined> {
  const { method, headers } = exchange
  if (!isConditional(headers)) return undefined
  // An unreadable file does not keep a client from creating it anew.
  const isThere = !isCreateOnly(exchange) || (await store.isReadable(ref))
  const current = isThere ? await findCurrent(store, ref, method) : undefined
  if (evaluate(method, headers, current && validatorsOf(current)) === 'proceed') return current
  throw new PreconditionFailedError('what is there is not what the request expects', {
    actual: current === undefined ? 'nothing' : `content ${current.hash}`,
  })
}

/**
 * Deletes a name if what it leads to fulfils the conditions of the request: that file, and none that was stored since.
 * Resolves with whether there was one.
 */
export async function deleteUnderConditions(
  exchange: Exchange,
  store: FileStore,
  { name, purge }: { name: string; purge: boolean },
): Promise<boolean> {
  for (let looks = 1; looks <= MAX_LOOKS; looks++) {
    const only = await checkConditions(exchange, store, { name })
    if (await store.delete({ name }, { purge, only })) return true
    if (only === undefined) return false
  }
  throw new UnavailableError(`the file ${JSON.stringify(name)} is written at the same time`)
}

/** Fails the condition of the later one of two requests that create the same name at once. */
export async function underConditions<T>(exchange: Exchange, commit: Promise<T>): Promise<T> {
  try {
    return await commit
  } catch (error) {
    if (!(error instanceof ExistsError) || !isCreateOnly(exchange)) throw error
    throw new PreconditionFailedError(error.message, { cause: error })
  }
}

function isCreateOnly({ headers }: Exchange): boolean {
  return hasAsterisk(headers['if-none-match'] ?? '')
}

function validatorsOf({ hash, name, storedAt }: StoredFile): Validators {
  return { hash, storedAt: name === undefined ? undefined : storedAt }
}

async function findCurrent(
  store: FileStore,
  ref: FileRef,
  method: string,
): Promise<StoredFile | undefined> {
  try {
    return await store.find(ref)
  } catch (error) {
    // An upload may create what is not there; a client that removes it is told so.
    if (isLost(error) && method !== 'DELETE') return undefined
    throw error
  }
}
