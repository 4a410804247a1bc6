import { evaluate, isConditional, type Validators } from '../../api/preconditions.ts'
import {
  type CommitOptions,
  type Digest,
  ExistsError,
  type FileRef,
  type FileStore,
  PreconditionFailedError,
} from '../../index.ts'
import type { Exchange } from '../exchange/exchange.ts'
import { isLost } from '../problem.ts'

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

/** @throws {PreconditionFailedError} unless what is there now is what the request says it is. */
export async function checkConditions(
  exchange: Exchange,
  store: FileStore,
  ref: FileRef,
): Promise<void> {
  const { method, headers } = exchange
  if (!isConditional(headers)) return
  // An unreadable file does not keep a client from creating it anew.
  const isThere = !isCreateOnly(exchange) || (await store.isReadable(ref))
  const current = isThere ? await validatorsOf(store, ref, method) : undefined
  if (evaluate(method, headers, current) === 'proceed') return
  throw new PreconditionFailedError('what is there is not what the request expects', {
    actual: current === undefined ? 'nothing' : `content ${current.hash}`,
  })
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
  return headers['if-none-match']?.trim() === '*'
}

async function validatorsOf(
  store: FileStore,
  ref: FileRef,
  method: string,
): Promise<Validators | undefined> {
  try {
    const { hash, name, storedAt } = await store.find(ref)
    return { hash, storedAt: name === undefined ? undefined : storedAt }
  } catch (error) {
    // An upload may create what is not there; a client that removes it is told so.
    if (isLost(error) && method !== 'DELETE') return undefined
    throw error
  }
}
