import { digestInReprDigest, etagOf, hashInEtag } from '../../api/fields.ts'
import { pathOf, type RemoteRef, withQuery } from '../../api/paths.ts'
import { Digest, type DigestStream } from '../../digest.ts'
import type { HttpResponse } from '../../transport.ts'
import { RemoteError } from '../client/remote-error.ts'
import type { RemoteServer } from '../client/remote-server.ts'
import { isTransient } from '../client/retry.ts'
import type { ProgressLine } from '../terminal/progress-line.ts'

/** Where the bytes of a download go. */
export interface Sink {
  write(bytes: Buffer): Promise<void>
  /** Discards everything written, or rejects if it cannot. */
  restart(): Promise<void>
}

/** A sink that cannot restart. */
export function sinkOf(write: Sink['write']): Sink {
  return {
    write,
    async restart() {
      throw new Error('the file was replaced while it was read, and part of it is written already')
    },
  }
}

export interface DownloadOptions {
  server: RemoteServer
  ref: RemoteRef
  /** The file's name in messages. */
  label: string
  sink: Sink
  progress: ProgressLine
  /** What the sink holds of an earlier download of the same content. */
  begun?: { hash: string; bytes: number; digest: DigestStream } | undefined
}

export interface Downloaded {
  hash: string
  /** Bytes. */
  size: number
  /** Whether it came over several connections. */
  wasCut: boolean
}

/** Downloads one file: resumes what is cut off, and checks the digest. */
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

  /** @throws {RemoteError} with the reason `corrupt` when the bytes do not have the hash. */
  async run(): Promise<Downloaded> {
    while (!(await this.#receive())) await this.#restart()
    return { hash: this.#hash!, size: this.#received, wasCut: this.#connections > 1 }
  }

  /** Resolves with `false` if it has to start over. Every byte that arrives renews the retries. */
  async #receive(): Promise<boolean> {
    const { server } = this.#options
    for (;;) {
      const before = this.#received
      try {
        return await server.retrying(() => this.#attempt())
      } catch (error) {
        if (!isTransient(error) || this.#received <= before) throw error
      }
    }
  }

  async #attempt(): Promise<boolean> {
    const { server, ref } = this.#options
    const isContinued = this.#received > 0
    try {
      const response = await server.attempt({
        // As it is by default; from an origin, once the whole is there and has its hash.
        path: withQuery(pathOf(ref), { verify: 'full' }),
        headers: isContinued
          ? { range: `bytes=${this.#received}-`, 'if-range': etagOf(this.#hash!) }
          : {},
      })
      await this.#begin(response)
      await this.#copy(response)
    } catch (error) {
      if (!isContinued || !isPastTheEnd(error)) throw error
      if (this.#digest.digest().hex === this.#hash) return true
      return false
    }
    return this.#finish()
  }

  async #begin(response: HttpResponse): Promise<void> {
    const hash = hashOf(response) ?? this.#options.ref.hash
    if (hash === undefined) {
      throw new RemoteError('no-digest', 'the response has no digest')
    }
    const isRest = response.statusCode === 206 && startOf(response) === this.#received
    if (this.#received > 0 && !isRest) await this.#restart()
    this.#hash = this.#options.ref.hash ?? hash
    if (this.#connections === 0) {
      this.#options.progress.expect(Number(response.headers['content-length']) || 0)
    }
  }

  async #copy(response: HttpResponse): Promise<void> {
    const { server, sink, progress } = this.#options
    this.#connections++
    for await (const bytes of server.pieces(response)) {
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
      `${this.#options.label}: what arrived is not what was stored (sha256 ${actual}, not ${this.#hash})`,
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
function hashOf({ headers }: HttpResponse): string | undefined {
  const tag = hashInEtag(headers.etag)
  if (tag !== undefined) return tag
  const digest = digestInReprDigest(headers['repr-digest'])
  return digest === undefined ? undefined : Buffer.from(digest, 'base64').toString('hex')
}

function startOf({ headers }: HttpResponse): number {
  return Number(/^bytes (\d+)-/.exec(String(headers['content-range']))?.[1])
}

function isPastTheEnd(error: unknown): boolean {
  return error instanceof RemoteError && error.reason === 'range-not-satisfiable'
}
