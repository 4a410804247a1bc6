import { Digest } from '../digest.ts'
import { DigestMismatchError } from '../errors.ts'
import type { Budgets } from './budgets.ts'
import { type ChunkWriter, tooLarge } from './chunk-writer.ts'
import type { FileStore } from './file-store.ts'
import type { Links } from './links.ts'
import { destroyOnAbort, piecesOf, type Source } from './source.ts'
import { type CommitOptions, checkCommit, type Receipt, StagedFile } from './staged-file.ts'

export interface StageOptions {
  /** What the content's SHA-256 must be. */
  digest?: Digest | string
  /** Bytes that the source will yield, where that is known: sets aside no more memory than it needs. */
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
  parseDigest(options.digest)
  await checkCommit(options, uploading)
  const staged = await stage(source, options, uploading)
  return staged.commit(options)
}

/** Stores the chunks of a file that nothing leads to yet. */
export async function stage(
  source: Source,
  { digest, signal, onProgress, ...options }: StageOptions,
  uploading: Uploading,
): Promise<StagedFile> {
  const { store, budgets, writer } = uploading
  const { pieces, size: sourceSize } = piecesOf(source)
  const size = sourceSize ?? options.size
  const expected = parseDigest(digest)
  signal?.throwIfAborted()
  const maxSize = await store.maxFileSize()
  if (size !== undefined && size > maxSize) throw tooLarge(maxSize, `${size} bytes`)

  const window = await budgets.window(size ?? Infinity, store.chunkSize, signal)
  const stopListening = destroyOnAbort(source, signal)
  try {
    const { manifest, copies } = await writer.write(pieces, {
      chunkSize: store.chunkSize,
      window: window.chunks,
      maxSize,
      signal,
      onStored: (bytes) => onProgress?.(size === undefined ? { bytes } : { bytes, total: size }),
    })
    if (expected !== undefined && !manifest.digest.equals(expected)) {
      throw mismatch(expected, manifest.digest)
    }
    return new StagedFile(manifest, copies, uploading)
  } finally {
    stopListening()
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
