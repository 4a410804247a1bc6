import { Digest, type DigestStream } from '../index.ts'
import type { Answer, Client } from './client/client.ts'
import type { RemoteRef } from './client/refs.ts'
import { RemoteError } from './client/remote-error.ts'
import { isTransient } from './client/retry.ts'
import type { ProgressLine } from './progress-line.ts'

/** Where the bytes of a download go. */
export interface Sink {
  write(bytes: Buffer): Promise<void>
  /** Forgets everything written; rejects where that cannot be. */
  restart(): Promise<void>
}

export interface DownloadOptions {
  client: Client
  ref: RemoteRef
  sink: Sink
  progress: ProgressLine
  /** What the sink holds from an earlier download of the same content. */
  begun?: { hash: string; bytes: number; digest: DigestStream } | undefined
}

export interface Downloaded {
  hash: string
  /** Bytes. */
  size: number
  /** Whether it came in several parts. */
  wasCut: boolean
}

/** One file on its way here: whatever is cut off is continued, and its digest is checked here. */
export class Download {
  readonly #options: DownloadOptions
  #digest: DigestStream
  #received: number
  #hash: string | undefined
  #connections = 0

  constructor(options: DownloadOptions) {
    const { begun, ref } = options
    this.#options = options
    this.#digest = begun?.digest ?? Digest.stream()
    this.#received = begun?.bytes ?? 0
    if (begun !== undefined) this.#connections = 1
    this.#hash = begun?.hash ?? ref.hash
  }

  /** Rejects with the reason `corrupt` when the bytes that came are not the ones that were named. */
  async run(): Promise<Downloaded> {
    while (!(await this.#receive())) await this.#restart()
    return { hash: this.#hash!, size: this.#received, wasCut: this.#connections > 1 }
  }

  /** Resolves with whether all is there; retries count from the last byte that came. */
  async #receive(): Promise<boolean> {
    const { client } = this.#options
    for (;;) {
      const before = this.#received
      try {
        return await client.retrying(() => this.#attempt())
      } catch (error) {
        if (!isTransient(error) || this.#received <= before) throw error
      }
    }
  }

  async #attempt(): Promise<boolean> {
    const { client, ref } = this.#options
    const isContinued = this.#received > 0
    try {
      const answer = await client.attempt({
        path: ref.path,
        headers: isContinued
          ? { range: `bytes=${this.#received}-`, 'if-range': `"${this.#hash}"` }
          : {},
      })
      await this.#begin(answer)
      await this.#copy(answer)
    } catch (error) {
      if (!isContinued || !isPastTheEnd(error)) throw error
      if (this.#digest.digest().hex === this.#hash) return true
      return false
    }
    return this.#finish()
  }

  async #begin(answer: Answer): Promise<void> {
    const hash = hashOf(answer) ?? this.#options.ref.hash
    if (hash === undefined) {
      throw new RemoteError('no-digest', 'the server does not tell the digest of what it sends')
    }
    const isRest = answer.statusCode === 206 && startOf(answer) === this.#received
    if (this.#received > 0 && !isRest) await this.#restart()
    this.#hash = this.#options.ref.hash ?? hash
    if (this.#connections === 0) {
      this.#options.progress.expect(Number(answer.headers['content-length']) || 0)
    }
  }

  async #copy(answer: Answer): Promise<void> {
    const { client, sink, progress } = this.#options
    this.#connections++
    for await (const bytes of client.pieces(answer)) {
      await sink.write(bytes)
      this.#digest.update(bytes)
      this.#received += bytes.length
      progress.advance(bytes.length)
    }
  }

  #finish(): true {
    const actual = this.#digest.digest().hex
    if (actual === this.#hash) return true
    throw new RemoteError(
      'corrupt',
      `${this.#options.ref.text}: what arrived is not what was stored (sha256 ${actual}, not ${this.#hash})`,
    )
  }

  async #restart(): Promise<void> {
    await this.#options.sink.restart()
    this.#options.progress.advance(-this.#received)
    this.#digest = Digest.stream()
    this.#received = 0
  }
}

/** The content's hash, from the entity tag or from the digest (RFC 9530). */
function hashOf({ headers }: Answer): string | undefined {
  const tag = /"([0-9a-f]{64})"/.exec(String(headers.etag))?.[1]
  if (tag !== undefined) return tag
  const digest = /sha-256=:([A-Za-z0-9+/=]+):/.exec(String(headers['repr-digest']))?.[1]
  return digest === undefined ? undefined : Buffer.from(digest, 'base64').toString('hex')
}

function startOf({ headers }: Answer): number {
  return Number(/^bytes (\d+)-/.exec(String(headers['content-range']))?.[1])
}

function isPastTheEnd(error: unknown): boolean {
  return error instanceof RemoteError && error.reason === 'range-not-satisfiable'
}
