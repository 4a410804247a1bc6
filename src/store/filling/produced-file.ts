import type { StoredFile } from '../reading/stored-file.ts'

/** What is known of a file that was produced. */
export interface ProducedDetails {
  readonly name?: string | undefined
  readonly type?: string | undefined
  readonly attributes?: Readonly<Record<string, string>> | undefined
  readonly size?: number | undefined
}

/**
 * A file as it was produced: its bytes come from the source and can be read once. Read them or call `cancel`:
 * until then it holds memory and keeps the source open.
 */
export class ProducedFile {
  readonly name?: string
  readonly type?: string
  readonly attributes: Readonly<Record<string, string>>
  /** Bytes, where that is known beforehand. */
  readonly size?: number
  /**
   * Resolves with the stored file once it can be found, and with `undefined` where it is not to be stored, or was
   * replaced or deleted while it was produced.
   * Rejects when it cannot be: the bytes may be right nevertheless.
   */
  readonly stored: Promise<StoredFile | undefined>
  readonly #bytes: AsyncGenerator<Buffer, void, undefined>
  readonly #leave: (reason?: unknown) => void
  #isRead = false

  /** @param work.leave Called when no more of the bytes is wanted; may be called again. */
  constructor(
    { name, type, attributes, size }: ProducedDetails,
    bytes: AsyncGenerator<Buffer, void, undefined>,
    work: { stored: Promise<StoredFile | undefined>; leave: (reason?: unknown) => void },
  ) {
    this.attributes = attributes === undefined ? {} : { ...attributes }
    this.stored = work.stored
    this.#bytes = bytes
    this.#leave = work.leave
    if (name !== undefined) this.name = name
    if (type !== undefined) this.type = type
    if (size !== undefined) this.size = size
    this.stored.catch(() => {}) // The reader need not ask.
  }

  /**
   * Yields the bytes as they come, once. Where `produce` gave a digest, the last piece follows when they have
   * it. Ends with the error of the source when that fails.
   */
  async *stream(): AsyncGenerator<Buffer, void, undefined> {
    if (this.#isRead) throw new Error('a produced file can be read once, and not after `cancel`')
    this.#isRead = true
    try {
      yield* this.#bytes
    } finally {
      this.#leave()
    }
  }

  /** Returns all the bytes at once. Not for files larger than the memory you have. */
  async bytes(): Promise<Buffer> {
    const pieces: Buffer[] = []
    for await (const piece of this.stream()) pieces.push(piece)
    return Buffer.concat(pieces)
  }

  /** Returns all of it as text, decoded as UTF-8. */
  async text(): Promise<string> {
    return new TextDecoder().decode(await this.bytes())
  }

  /** Returns what all of it is as JSON. @throws {SyntaxError} for anything else. */
  async json(): Promise<unknown> {
    return JSON.parse(await this.text())
  }

  /**
   * Leaves the rest of the bytes. Storing goes on only while other callers wait for the file, or when all bytes have
   * come. Idempotent.
   */
  cancel(): void {
    this.#isRead = true
    this.#leave()
  }
}
