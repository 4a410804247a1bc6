import pLimit from 'p-limit'
import {
  Digest,
  EvictedError,
  type FileStore,
  NotFoundError,
  type StoredFile,
} from '../../../index.ts'
import { filesOfTree, outputsOf } from './action-result.ts'
import { MalformedMessageError } from './wire.ts'

/** Larger messages are passed on, or counted as there, without a look inside. */
const MAX_MESSAGE_BYTES = 4 * 1024 * 1024
/** Directories are looked into until so much was found; of any further ones the list must be there. */
const ENOUGH = { trees: 64, outputs: 100_000 }
/** Bytes of memory: for each byte of an action result, at least for one, and its lists of directories come on top. */
const COST = { perByte: 8, least: 512 * 1024 }
/** Outputs that are looked for at once: some milliseconds of work until the first answer. */
const AT_ONCE = 2000
/** Lists of directories that are looked into at once, in this process. */
const treeTurn = pLimit(2)

/**
 * Makes sure that all outputs that an action result names can be served: a client that keeps outputs
 * remote finds out much later, and then fails again and again. What is there has its life extended.
 * Bytes that are no action result promise nothing.
 * @throws {NotFoundError} when the action result is empty, whichever way it was stored.
 * @throws {EvictedError} when an output is gone.
 * @throws {CorruptError} when the result or the list of a directory is damaged.
 * @throws {UnavailableError}
 */
export async function checkOutputs(
  store: FileStore,
  actionResult: StoredFile,
  signal: AbortSignal,
): Promise<void> {
  // No action has one: Bazel would take it for an action that ran and created nothing, and fail.
  if (actionResult.size === 0) throw new NotFoundError('the action result is empty')
  const cost = Math.max(COST.least, COST.perByte * Math.min(actionResult.size, MAX_MESSAGE_BYTES))
  await store.withMemory(cost, () => checkAll(store, actionResult, signal), { signal })
}

async function checkAll(store: FileStore, actionResult: StoredFile, signal: AbortSignal) {
  const outputs = await readMessage(actionResult, outputsOf, signal)
  if (outputs === undefined) return
  await checkPresence(store, new Set([...outputs.files, ...outputs.trees]), signal)
  let found = outputs.files.size
  for (const tree of [...outputs.trees].slice(0, ENOUGH.trees)) {
    if (found > ENOUGH.outputs) break
    found += await treeTurn(async () => {
      signal.throwIfAborted()
      const files = await filesInTree(store, tree, signal)
      await checkPresence(store, files, signal)
      return files.size
    })
  }
}

async function checkPresence(store: FileStore, needed: Set<string>, signal: AbortSignal) {
  needed.delete(Digest.empty.hex)
  const hashes = [...needed]
  const missing: string[] = []
  for (let at = 0; at < hashes.length; at += AT_ONCE) {
    missing.push(...(await store.missing(hashes.slice(at, at + AT_ONCE), { signal })))
  }
  if (missing.length === 0) return
  throw new EvictedError(`${missing.length} of ${needed.size} outputs of the action are gone`, {
    expected: `content ${missing[0]}`,
  })
}

async function filesInTree(
  store: FileStore,
  hash: string,
  signal: AbortSignal,
): Promise<Set<string>> {
  if (hash === Digest.empty.hex) return new Set()
  try {
    const tree = await store.find({ hash })
    return (await readMessage(tree, filesOfTree, signal)) ?? new Set()
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error
    throw new EvictedError('the list of an output directory is gone', { cause: error })
  }
}

/** What `parse` makes of a file, or `undefined` for one that is too large or something else. */
async function readMessage<T>(
  file: StoredFile,
  parse: (message: Buffer) => Promise<T>,
  signal: AbortSignal,
): Promise<T | undefined> {
  if (file.size > MAX_MESSAGE_BYTES) return undefined
  const bytes = await file.bytes({ signal })
  try {
    return await parse(bytes)
  } catch (error) {
    if (error instanceof MalformedMessageError) return undefined
    throw error
  }
}
