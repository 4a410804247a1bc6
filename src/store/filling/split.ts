import { Digest, type DigestStream } from '../../digest.ts'
import { DigestMismatchError, InvalidArgumentError } from '../../errors.ts'
import { asBuffer } from '../writing/chunker.ts'
import type { OpenSource, Pieces } from '../writing/source.ts'

/** Bytes that the reader may be behind the store before the store waits for it. */
const MAX_LAG = 256 * 1024
/** Milliseconds, in all, for which the store waits for a slow reader. */
const PATIENCE_MS = 1000

/** One for all: that a source is left is nothing that has to be traced. */
const ABANDONED = new Error('the source was abandoned')

export interface Expected {
  readonly size?: number | undefined
  readonly digest?: Digest | undefined
}

/**
 * A source that the store takes in while, at the same pace, one reader gets its bytes. A reader that is too
 * slow is left behind: it goes on with what is stored. When storing fails, the reader goes on alone.
 */
export class Split {
  readonly #source: OpenSource
  readonly #iterator: AsyncIterator<Uint8Array> | Iterator<Uint8Array>
  readonly #expected: Expected
  readonly #hash: DigestStream | undefined
  /** Pieces for the reader. */
  readonly #queue: Buffer[] = []
  #queued = 0
  #hasReader: boolean
  #isBehind = false
  #isStoring = true
  #pulling: Promise<Buffer | undefined> | undefined
  #isEnded = false
  #failure: { error: unknown } | undefined
  #left: { error: unknown } | undefined
  #size = 0
  #taken = 0
  #patienceMs = PATIENCE_MS
  #wakeReader: () => void = nothing
  #wakeStore: () => void = nothing

  /** @param hasReader Whether bytes are kept for a reader. */
  constructor(source: OpenSource, expected: Expected, hasReader: boolean) {
    this.#source = source
    this.#iterator = iteratorOf(source.pieces)
    this.#expected = expected
    this.#hasReader = hasReader
    this.#hash = hasReader && expected.digest ? Digest.stream() : undefined
  }

  /** Why the source has no more to give, where it failed. */
  get failure(): { error: unknown } | undefined {
    return this.#failure
  }

  /** Whether the reader has to go on with what is stored, at `taken`. */
  get isBehind(): boolean {
    return this.#isBehind
  }

  /** Bytes that are held for the reader at most. */
  get lag(): number {
    return Math.min(MAX_LAG, this.#expected.size ?? MAX_LAG)
  }

  /** Has the reader go on with what is stored, once it has got what is held for it. */
  leaveBehind(): void {
    this.#isBehind = true
    this.#wakeReader()
  }

  /** Bytes that the reader has got. */
  get taken(): number {
    return this.#taken
  }

  /** Whether the source has no more to give: all its bytes have come, or it has failed. */
  get isOver(): boolean {
    return this.#isEnded || this.#failure !== undefined
  }

  /** The pieces for the store. */
  get pieces(): AsyncIterable<Buffer> {
    const next = async (): Promise<IteratorResult<Buffer, undefined>> => {
      await this.#roomForReader()
      const value = await this.#pull()
      return value === undefined ? { done: true, value } : { done: false, value }
    }
    return { [Symbol.asyncIterator]: () => ({ next }) }
  }

  /** Bytes of the source, where they are known beforehand. */
  get size(): number | undefined {
    return this.#expected.size
  }

  /**
   * Tells that the store takes no more pieces: the reader reads the rest by itself.
   * @param failure Why there is no rest, where there is none.
   */
  endStoring(failure?: unknown): void {
    this.#isStoring = false
    if (failure !== undefined) {
      this.#hasReader = false
      this.#abandon(failure)
    }
    this.#wakeReader()
    if (!this.#hasReader) this.#abandon()
  }

  /** Resolves with the next piece for the reader; with `undefined` at the end, or when it is behind. */
  async next(): Promise<Buffer | undefined> {
    for (;;) {
      if (this.#left !== undefined) throw this.#left.error
      const piece = this.#take()
      if (piece !== undefined) return piece
      if (this.#failure !== undefined) throw this.#failure.error
      if (this.#isEnded || this.#isBehind) return undefined
      if (this.#isStoring) {
        await new Promise<void>((resolve) => {
          this.#wakeReader = resolve
        })
      } else await this.#pull().catch(nothing) // The failure is kept.
    }
  }

  /** Tells that the reader wants no more: what it waits for rejects. Idempotent. */
  leave(error: unknown): void {
    this.#left ??= { error }
    this.#hasReader = false
    this.#queue.length = 0
    this.#queued = 0
    this.#wakeReader()
    this.#wakeStore()
    if (!this.#isStoring) this.#abandon()
  }

  #take(): Buffer | undefined {
    if (!this.#hasMore) return undefined
    const piece = this.#queue.shift()!
    this.#queued -= piece.length
    this.#taken += piece.length
    this.#wakeStore()
    return piece
  }

  /** Whether the reader can have a piece: the last one is held back until the digest is known to be right. */
  get #hasMore(): boolean {
    return this.#queue.length > (this.#hash !== undefined && !this.#isEnded ? 1 : 0)
  }

  /** Waits while the reader has too much to read yet, and leaves it behind when that takes too long. */
  async #roomForReader(): Promise<void> {
    while (this.#hasReader && !this.#isBehind && this.#hasMore && this.#queued >= MAX_LAG) {
      const start = performance.now()
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, this.#patienceMs)
        this.#wakeStore = () => {
          clearTimeout(timer)
          resolve()
        }
      })
      this.#patienceMs -= performance.now() - start
      if (this.#patienceMs <= 0) this.leaveBehind()
    }
  }

  /** Reads one piece, for the store and the reader. */
  #pull(): Promise<Buffer | undefined> {
    this.#pulling ??= this.#read().finally(() => {
      this.#pulling = undefined
      this.#wakeReader()
    })
    return this.#pulling
  }

  async #read(): Promise<Buffer | undefined> {
    if (this.#failure !== undefined) throw this.#failure.error
    if (this.#isEnded) return undefined
    try {
      const { done, value } = await this.#iterator.next()
      if (done) {
        this.#check()
        this.#isEnded = true
        return undefined
      }
      const piece = asBuffer(value)
      this.#size += piece.length
      if (this.#size > (this.#expected.size ?? Infinity)) throw this.#wrongSize()
      this.#hash?.update(piece)
      if (this.#hasReader && !this.#isBehind && piece.length > 0) {
        this.#queue.push(piece)
        this.#queued += piece.length
      }
      return piece
    } catch (error) {
      this.#abandon(error)
      throw error
    }
  }

  #check(): void {
    const { size, digest } = this.#expected
    if (size !== undefined && this.#size !== size) throw this.#wrongSize()
    const actual = this.#hash?.digest()
    if (digest === undefined || actual === undefined || actual.equals(digest)) return
    throw new DigestMismatchError('the content does not have the digest that it should have', {
      expected: `sha256 ${digest.hex}`,
      actual: `sha256 ${actual.hex}`,
    })
  }

  #wrongSize(): InvalidArgumentError {
    return new InvalidArgumentError('the source does not have as many bytes as was said', {
      expected: `${this.#expected.size} bytes`,
      actual: `${this.#size} bytes${this.#isEnded ? '' : ' or more'}`,
    })
  }

  #abandon(error: unknown = ABANDONED): void {
    if (this.#isEnded || this.#failure !== undefined) return
    this.#failure = { error }
    this.#source.abandon()
    Promise.resolve(this.#iterator.return?.()).catch(nothing)
  }
}

function nothing(): void {}

function iteratorOf(pieces: Pieces): AsyncIterator<Uint8Array> | Iterator<Uint8Array> {
  return Symbol.asyncIterator in pieces ? pieces[Symbol.asyncIterator]() : pieces[Symbol.iterator]()
}
