import type { Digest } from '../../digest.ts'
import { DigestMismatchError, InvalidArgumentError } from '../../errors.ts'
import { toDigest } from '../file-ref.ts'
import type { Budgets } from '../memory/budgets.ts'
import type { Proofs } from '../records/proofs.ts'
import { type ChunkWriter, tooLarge, type WriteOptions, type Written } from './chunk-writer.ts'
import type { Commit, CommitOptions, Committed, Committer, OverOptions, Receipt } from './commit.ts'
import {
  checkCommitOptions,
  checkPutOptions,
  checkStageOptions,
  type PutOptions,
  type StageOptions,
} from './put-options.ts'
import { checkSize, type OpenSource, open, type Source, untilAborted } from './source.ts'

export type { Progress, PutOptions, StageOptions } from './put-options.ts'

/** As those of `put`, and what a fill needs. */
type InternalOptions = PutOptions & OverOptions & Pick<WriteOptions, 'onChunk'>

/** Takes in files: chunks, a look whether all are there, the link by hash, the link by name. */
export class Uploads {
  readonly #budgets: Budgets
  readonly #writer: ChunkWriter
  readonly #committer: Committer
  readonly #proofs: Proofs

  constructor(budgets: Budgets, writer: ChunkWriter, committer: Committer, proofs: Proofs) {
    this.#budgets = budgets
    this.#writer = writer
    this.#committer = committer
    this.#proofs = proofs
  }

  /** Stores and links a file. Nothing follows a step that fails. */
  put(source: Source, options: InternalOptions): Promise<Committed> {
    return withSource(source, (opened) => this.#put(opened, options))
  }

  /** As `put`, with options that come from a caller of the library. @throws {InvalidArgumentError} for unknown ones. */
  putAsAsked(source: Source, options: PutOptions): Promise<Committed> {
    return withSource(source, (opened) => {
      checkPutOptions(options)
      return this.#put(opened, options)
    })
  }

  /** Stores the chunks of a file that nothing leads to yet. */
  stage(source: Source, options: StageOptions): Promise<StagedFile> {
    return withSource(source, async (opened) => {
      checkStageOptions(options)
      const written = await this.#write(opened, options, parseDigest(options))
      return new StagedFile(written, this.#committer)
    })
  }

  async #put(source: OpenSource, options: InternalOptions): Promise<Committed> {
    const digest = parseDigest(options)
    const commit = this.#committer.validate(options)
    await this.#committer.check(commit)
    const written = await this.#write(source, options, digest)
    // The only chunk was confirmed just now; of several, the first may have made room for the last.
    if (written.manifest.chunkCount > 1) await this.#committer.checkPresence(written, commit)
    return this.#committer.link(written, commit)
  }

  /** @param digest What the content must have. */
  async #write(
    source: OpenSource,
    {
      signal,
      onProgress,
      onChunk,
      size = source.size,
    }: StageOptions & Pick<WriteOptions, 'onChunk'>,
    digest: Digest | undefined,
  ): Promise<Written> {
    checkSize(size)
    signal?.throwIfAborted()
    const maxSize = await this.#writer.maxFileSize()
    if (size !== undefined && size > maxSize) throw tooLarge(maxSize, `${size} bytes`)
    const memory = this.#budgets.upload(size ?? Infinity, signal)
    try {
      const written = await this.#writer.write(untilAborted(source.pieces, signal), {
        memory,
        maxSize,
        signal,
        onChunk,
        onStored: (bytes) => onProgress?.(size === undefined ? { bytes } : { bytes, total: size }),
      })
      const { manifest } = written
      if (size !== undefined && manifest.size !== size) throw wrongSize(size, manifest.size)
      if (digest !== undefined && !manifest.digest.equals(digest)) {
        throw mismatch(digest, manifest.digest)
      }
      this.#proofs.learn(manifest, true)
      return written
    } finally {
      memory.close()
    }
  }
}

/** Milliseconds for which chunks that were there are taken to be there. */
const CONFIRMED_MS = 1000

/** Content whose chunks are stored and that nothing leads to. Drop it to abandon it. */
export class StagedFile {
  readonly #written: Written
  readonly #committer: Committer
  /** On the clock of `performance.now()`, as all times here. */
  readonly #writtenAt = performance.now()
  /** When all chunks were there last. */
  #seenAt = Number.NEGATIVE_INFINITY

  constructor(written: Written, committer: Committer) {
    this.#written = written
    this.#committer = committer
  }

  get digest(): Digest {
    return this.#written.manifest.digest
  }

  /** Bytes. */
  get size(): number {
    return this.#written.manifest.size
  }

  /**
   * Rejects as `commit` with the same options would, and changes nothing: call it for each of several
   * files of which all are to be committed or none.
   */
  async confirm(options: CommitOptions = {}): Promise<void> {
    checkCommitOptions('confirm', options)
    const commit = this.#committer.validate(options)
    await this.#committer.check(commit)
    if (this.#isFresh) this.#seenAt = this.#writtenAt
    else await this.#look(commit)
  }

  /**
   * Confirms that all chunks are there, unless `confirm` has done so within a second, then makes the link by
   * hash, then the one by name.
   * @throws {ExistsError} with `createOnly`, when a readable file has that name.
   * @throws {InsufficientStorageError | InvalidArgumentError | UnavailableError}
   */
  async commit(options: CommitOptions = {}): Promise<Receipt> {
    checkCommitOptions('commit', options)
    const commit = this.#committer.validate(options)
    if (performance.now() - this.#seenAt > CONFIRMED_MS) await this.#look(commit)
    const { receipt } = await this.#committer.link(this.#written, commit)
    return receipt
  }

  /** Whether it has one chunk, which was confirmed when it was written, and time is left to link it. */
  get #isFresh(): boolean {
    const { chunkCount } = this.#written.manifest
    return chunkCount <= 1 && performance.now() - this.#writtenAt < CONFIRMED_MS / 2
  }

  async #look(commit: Commit): Promise<void> {
    await this.#committer.checkPresence(this.#written, commit)
    this.#seenAt = performance.now()
  }
}

/** Abandons the source when the work fails. */
async function withSource<T>(source: Source, work: (opened: OpenSource) => Promise<T>): Promise<T> {
  const opened = open(source)
  try {
    return await work(opened)
  } catch (error) {
    opened.abandon()
    throw error
  }
}

function parseDigest({ digest }: StageOptions): Digest | undefined {
  return digest === undefined ? undefined : toDigest(digest)
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
