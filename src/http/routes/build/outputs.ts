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
/** Directories are looked into until so much is needed; of any further ones the list must be there. */
const ENOUGH = { trees: 64, outputs: 100_000 }

/**
 * Makes sure that all outputs that an action result names can be served: a client that keeps outputs
 * remote finds out much later, and then fails again and again. What is there has its life extended.
 * Bytes that are no action result promise nothing.
 * @throws {EvictedError} when an output is gone.
 * @throws {CorruptError} when the result or the list of a directory is damaged.
 * @throws {UnavailableError}
 */
export async function checkOutputs(
  store: FileStore,
  actionResult: StoredFile,
  signal: AbortSignal,
): Promise<void> {
  const outputs = await readMessage(actionResult, outputsOf, signal)
  if (outputs === undefined) return
  const needed = new Set([...outputs.files, ...outputs.trees])
  let trees = 0
  for (const tree of outputs.trees) {
    if (trees++ === ENOUGH.trees || needed.size > ENOUGH.outputs) break
    for (const hash of await filesInTree(store, tree, signal)) needed.add(hash)
  }
  needed.delete(Digest.empty.hex)
  const missing = await store.missing(needed, { signal })
  if (missing.length > 0) {
    throw new EvictedError(`${missing.length} of ${needed.size} outputs of the action are gone`, {
      expected: `content ${missing[0]}`,
    })
  }
}

async function filesInTree(
  store: FileStore,
  hash: string,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
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
  parse: (message: Buffer) => T,
  signal: AbortSignal,
): Promise<T | undefined> {
  if (file.size > MAX_MESSAGE_BYTES) return undefined
  const bytes = await file.bytes({ signal })
  try {
    return parse(bytes)
  } catch (error) {
    if (error instanceof MalformedMessageError) return undefined
    throw error
  }
}
