import type { Digest } from '../../digest.ts'
import { CorruptError } from '../../errors.ts'
import type { WholeDigest } from '../hashing/hash-thread.ts'
import type { Hasher } from '../hashing/hasher.ts'
import type { ChunkBytes } from '../memory/chunk-bytes.ts'
import type { BufferPool } from '../memory/pool.ts'
import type { StoreEvents } from '../observer.ts'
import type { Manifest } from '../records/manifest.ts'
import type { Proofs } from '../records/proofs.ts'
import { SharedWork } from '../shared-work.ts'

/** Proves manifests: hashes the content that their chunks are together, while it is read anyway or beforehand. */
export class Prover {
  readonly #proofs: Proofs
  readonly #hasher: Hasher
  readonly #pool: BufferPool
  readonly #events: StoreEvents
  readonly #underWay = new Map<string, SharedWork<void>>()

  /** @param pool Gives the memory for the one chunk of a check that a hash thread has at a time. */
  constructor(proofs: Proofs, hasher: Hasher, pool: BufferPool, events: StoreEvents) {
    this.#proofs = proofs
    this.#hasher = hasher
    this.#pool = pool
    this.#events = events
  }

  isProven(manifest: Manifest): boolean {
    return this.#proofs.isProven(manifest)
  }

  isDisproved(manifest: Manifest): boolean {
    return this.#proofs.isDisproved(manifest)
  }

  /** Returns a check of the whole content, or `undefined` for a manifest that is proven. */
  checkUnlessProven(manifest: Manifest): WholeCheck | undefined {
    return this.isProven(manifest) ? undefined : this.#check(manifest)
  }

  /** As `checkUnlessProven`, for a manifest of several chunks that may be proven. */
  check(manifest: Manifest): WholeCheck | undefined {
    return manifest.chunkCount > 1 ? this.#check(manifest) : undefined
  }

  #check(manifest: Manifest): WholeCheck {
    const digest = this.#hasher.whole(manifest.chunkSize, this.#pool)
    return new WholeCheck(digest, (whole) => {
      const isRight = whole.equals(manifest.digest)
      if (isRight) this.#proofs.learn(manifest, true)
      else this.disprove(manifest)
      return isRight
    })
  }

  /** Takes note that the chunks, each of them right, are not the file that the manifest describes. */
  disprove(manifest: Manifest): void {
    const isNews = this.#proofs.learn(manifest, false)
    if (isNews) this.#events.manifestDisproved(manifest.digest.hex)
  }

  /**
   * Proves a manifest by `read`, which reads the file and checks it. Callers that wait for the same
   * manifest share one reading; it is aborted when the last of them has left.
   */
  async prove(
    { identity }: Manifest,
    read: (signal: AbortSignal) => Promise<void>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    let work = this.#underWay.get(identity)
    if (work === undefined || work.isAborted) {
      const own = new SharedWork(({ signal }) => read(signal))
      const forget = () => {
        if (this.#underWay.get(identity) === own) this.#underWay.delete(identity)
      }
      own.result.then(forget, forget)
      this.#underWay.set(identity, own)
      work = own
    }
    await work.wait(signal)
  }
}

/** Takes the chunks of a file in order, each verified, and tells at the end whether they are the file. */
export class WholeCheck {
  readonly #digest: WholeDigest
  readonly #judge: (whole: Digest) => boolean
  #hasEnded = false

  /** @param judge Returns whether that is the digest of the file, and remembers it. */
  constructor(digest: WholeDigest, judge: (whole: Digest) => boolean) {
    this.#digest = digest
    this.#judge = judge
  }

  /** Resolves when the bytes have been hashed. */
  async add(chunk: ChunkBytes): Promise<void> {
    await this.#digest.add(chunk.bytes)
  }

  /** Resolves with whether the chunks are the file. */
  async end(): Promise<boolean> {
    this.#hasEnded = true
    return this.#judge(await this.#digest.end())
  }

  /** @throws {CorruptError} when the chunks are not the file. */
  async expect(): Promise<void> {
    if (await this.end()) return
    throw new CorruptError(
      'the chunks are right, and together they are not the content of that hash',
    )
  }

  /** Frees what is kept for a check that has not ended. Idempotent. */
  drop(): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#digest.drop()
  }
}
