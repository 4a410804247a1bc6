import { Digest } from '../../../index.ts'
import { bytesOf, type Field, fieldsOf, MalformedMessageError } from './wire.ts'

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

/**
 * Reads an `ActionResult` of the Remote Execution API as far as it names content.
 * @throws {MalformedMessageError} when the bytes are something else, or name content by another
 * digest than SHA-256.
 */
export function outputsOf(actionResult: Buffer): Outputs {
  const files = new Set<string>()
  const trees = new Set<string>()
  for (const field of fieldsOf(actionResult)) {
    if (field.number === RESULT.files) addFile(files, field)
    if (field.number === RESULT.directories) addDigests(trees, field, OUTPUT_DIRECTORY.tree)
    if (field.number === RESULT.stdout || field.number === RESULT.stderr) addHash(files, field)
  }
  return { files, trees }
}

/**
 * The files in all directories of a `Tree`.
 * @throws {MalformedMessageError}
 */
export function filesOfTree(tree: Buffer): Set<string> {
  const files = new Set<string>()
  for (const directory of fieldsOf(tree)) {
    if (directory.number !== TREE.root && directory.number !== TREE.children) continue
    for (const entry of fieldsOf(bytesOf(directory))) {
      if (entry.number === DIRECTORY.files) addDigests(files, entry, FILE_NODE.digest)
    }
  }
  return files
}

/** A file whose contents are in the message itself needs nothing else. */
function addFile(hashes: Set<string>, file: Field): void {
  for (const { number, value } of fieldsOf(bytesOf(file))) {
    if (number === OUTPUT_FILE.contents && Buffer.isBuffer(value) && value.length > 0) return
  }
  addDigests(hashes, file, OUTPUT_FILE.digest)
}

/** The digests in the fields `number` of a message. */
function addDigests(hashes: Set<string>, message: Field, number: number): void {
  for (const field of fieldsOf(bytesOf(message))) {
    if (field.number === number) addHash(hashes, field)
  }
}

function addHash(hashes: Set<string>, digest: Field): void {
  for (const field of fieldsOf(bytesOf(digest))) {
    if (field.number !== DIGEST.hash) continue
    const hash = bytesOf(field).toString('latin1')
    if (!Digest.isHex(hash)) throw new MalformedMessageError('a digest is not a SHA-256')
    hashes.add(hash)
  }
}
