import { setImmediate } from 'node:timers/promises'
import { Digest } from '../../../index.ts'
import { Fields, MalformedMessageError } from './wire.ts'

/** The content that an action result leads to, as hexadecimal SHA-256. */
export interface Outputs {
  /** Files, and what the action printed. */
  readonly files: Set<string>
  /** `Tree` messages, which list the files of one output directory each. */
  readonly trees: Set<string>
}

/** Field numbers of build.bazel.remote.execution.v2. */
const RESULT = { files: 2, directories: 3, stdout: 6, stderr: 8 }
const OUTPUT_FILE = { digest: 2, contents: 5 }
const OUTPUT_DIRECTORY = { tree: 3 }
const TREE = { root: 1, children: 2 }
const DIRECTORY = { files: 1 }
const FILE_NODE = { digest: 2 }
const DIGEST = { hash: 1 }

/** Milliseconds of reading after which other requests have their turn. */
const SLICE_MS = 10

/**
 * Reads an `ActionResult` of the Remote Execution API as far as it names content.
 * @throws {MalformedMessageError} when the bytes are something else, or name content by another
 * digest than SHA-256.
 */
export async function outputsOf(actionResult: Buffer): Promise<Outputs> {
  const files = new Set<string>()
  const trees = new Set<string>()
  const turn = new Turn()
  for (const result = new Fields(actionResult); result.next(); ) {
    if (turn.isOver) await turn.pass()
    const { number } = result
    if (number === RESULT.files) addFile(files, result.bytes)
    if (number === RESULT.directories) addDigests(trees, result.bytes, OUTPUT_DIRECTORY.tree)
    if (number === RESULT.stdout || number === RESULT.stderr) addHash(files, result.bytes)
  }
  return { files, trees }
}

/**
 * The files in all directories of a `Tree`.
 * @throws {MalformedMessageError}
 */
export async function filesOfTree(tree: Buffer): Promise<Set<string>> {
  const files = new Set<string>()
  const turn = new Turn()
  for (const directories = new Fields(tree); directories.next(); ) {
    if (directories.number !== TREE.root && directories.number !== TREE.children) continue
    for (const entries = new Fields(directories.bytes); entries.next(); ) {
      if (turn.isOver) await turn.pass()
      if (entries.number === DIRECTORY.files) addDigests(files, entries.bytes, FILE_NODE.digest)
    }
  }
  return files
}

/** A file whose contents are in the message itself needs nothing else. */
function addFile(hashes: Set<string>, file: Buffer): void {
  for (const fields = new Fields(file); fields.next(); ) {
    const isInline = fields.number === OUTPUT_FILE.contents && fields.hasBytes
    if (isInline && fields.bytes.length > 0) return
  }
  addDigests(hashes, file, OUTPUT_FILE.digest)
}

/** The digests in the fields `number` of a message. */
function addDigests(hashes: Set<string>, message: Buffer, number: number): void {
  for (const fields = new Fields(message); fields.next(); ) {
    if (fields.number === number) addHash(hashes, fields.bytes)
  }
}

function addHash(hashes: Set<string>, digest: Buffer): void {
  for (const fields = new Fields(digest); fields.next(); ) {
    if (fields.number !== DIGEST.hash) continue
    const hash = fields.bytes.toString('latin1')
    if (!Digest.isHex(hash)) throw new MalformedMessageError('a digest is not a SHA-256')
    hashes.add(hash)
  }
}

/** The time that a long piece of work may take before it lets others go on. */
class Turn {
  #since = performance.now()
  #looks = 0

  /** Looks at the clock now and then. */
  get isOver(): boolean {
    return ++this.#looks % 64 === 0 && performance.now() - this.#since > SLICE_MS
  }

  async pass(): Promise<void> {
    await setImmediate()
    this.#since = performance.now()
  }
}
