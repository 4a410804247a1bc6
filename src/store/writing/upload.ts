import { Digest } from '../../digest.ts'
import { DigestMismatchError, InvalidArgumentError } from '../../errors.ts'
import type { FileStore } from '../file-store.ts'
import type { Budgets } from '../memory/budgets.ts'
import type { Links } from '../records/links.ts'
import { type ChunkWriter, tooLarge } from './chunk-writer.ts'
import { type CommitOptions, checkCommit, type Receipt, StagedFile } from './commit.ts'
import { type OpenSource, open, type Source, untilAborted } from './source.ts'

export interface StageOptions {
  /** What the content's SHA-256 must be. */
  digest?: Digest | string
  /**
   * Bytes that the source must yield, no more and no fewer, where that is known beforehand: sets
   * aside no more memory than it needs.
   */
  size?: number
  signal?: AbortSignal | undefined
  onProgress?: (progress: Progress) => void
}

export interface PutOptions extends StageOptions, CommitOptions {}

export interface Progress {
  /** Bytes stored by now. */
  readonly bytes: number
  /** Bytes in all, where that is known beforehand. */
  readonly total?: number
}

/** What an upload needs of its store. */
export interface Uploading {
  readonly store: FileStore
  readonly links: Links
  readonly budgets: Budgets
  readonly writer: ChunkWriter
  /** The store's default, in seconds. */
  readonly ttl: number
}

/** Chunks, presence check, link by hash, link by name: in this order, and nothing after a failure. */
export async function upload(
  source: Source,
  options: PutOptions,
  uploading: Uploading,
): Promise<Receipt> {
  const opened = open(source)
  return orAbandon(opened, async () => {
    parseDigest(options.digest)
    await checkCommit(options, uploading)
    const staged = await write(opened, options, uploading)
    return staged.commit(options)
  })
}

/** Stores the chunks of a file that nothing leads to yet. */
export async function stage(
  source: Source,
  options: StageOptions,
  uploading: Uploading,
): Promise<StagedFile> {
  const opened = open(source)
  return orAbandon(opened, () => write(opened, options, uploading))
}

async function orAbandon<T>(source: OpenSource, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    source.abandon()
    throw error
  }
}

async function write(
  source: OpenSource,
  { digest, signal, onProgress, ...options }: StageOptions,
  uploading: Uploading,
): Promise<StagedFile> {
  const { store, budgets, writer } = uploading
  const size = options.size ?? source.size
  const expected = parseDigest(digest)
  signal?.throwIfAborted()
  const maxSize = await store.maxFileSize()
  if (size !== undefined && size > maxSize) throw tooLarge(maxSize, `${size} bytes`)

  const window = await budgets.window('upload', size ?? Infinity, store.chunkSize, signal)
  try {
    const pieces = signal === undefined ? source.pieces : untilAborted(source.pieces, signal)
    const { manifest, copies } = await writer.write(pieces, {
      chunkSize: store.chunkSize,
      window: window.chunks,
      maxSize,
      signal,
      onStored: (bytes) => onProgress?.(size === undefined ? { bytes } : { bytes, total: size }),
    })
    if (size !== undefined && manifest.size !== size) throw wrongSize(size, manifest.size)
    if (expected !== undefined && !manifest.digest.equals(expected)) {
      throw mismatch(expected, manifest.digest)
    }
    return new StagedFile(manifest, copies, uploading)
  } finally {
    window.release()
  }
}

function parseDigest(digest: Digest | string | undefined): Digest | undefined {
  return typeof digest === 'string' ? Digest.parse(digest) : digest
}

function mismatch(expected: Digest, actual: Digest): DigestMismatchError {
  return new DigestMismatchError('the content does not have the digest that it should have', {
    expected: `sha256 ${expected.hex}`,
    actual: `sha256 ${actual.hex}`,
  })
}

function wrongSize(expected: number, actual: number): InvalidArgumentError {
  return new InvalidArgumentError('the source does not have as many bytes as was said', {
    expected: `${expected} bytes`,
    actual: `${actual} bytes`,
  })
}
