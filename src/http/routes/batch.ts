import { randomBytes } from 'node:crypto'
import pMap from 'p-map'
import { MAX_BATCH } from '../../api/batch.ts'
import {
  CorruptError,
  EvictedError,
  type FileStore,
  NotFoundError,
  type PreparedRead,
  UnavailableError,
} from '../../index.ts'
import { respondHeld } from '../content/respond.ts'
import type { Exchange } from '../exchange/exchange.ts'
import { bodyFields } from '../fields/content.ts'
import { HttpProblem } from '../problem.ts'

/** Files that are looked for at once. */
const AT_ONCE = 64

type Lost = NotFoundError | EvictedError | CorruptError

/**
 * Answers many small files at once, each verified, as the form that `POST /files` takes (RFC 7578): one request
 * for what else is a request each. All of them or none; a problem lists those that there are not.
 */
export async function answerBatch(
  exchange: Exchange,
  store: FileStore,
  hashes: readonly string[],
): Promise<void> {
  const batch = new Batch(exchange, store)
  try {
    const lost = await batch.read(hashes)
    if (lost.size > 0) throw problemOf(lost, hashes.length)
    await batch.send()
  } finally {
    batch.close()
  }
}

class Batch {
  readonly #exchange: Exchange
  readonly #store: FileStore
  readonly #reads = new Map<string, { read: PreparedRead; size: number }>()
  #bytes = 0
  #failure: { error: unknown } | undefined

  constructor(exchange: Exchange, store: FileStore) {
    this.#exchange = exchange
    this.#store = store
  }

  /** Reads and verifies the files; resolves with those that cannot be. */
  async read(hashes: readonly string[]): Promise<Map<string, Lost>> {
    const lost = new Map<string, Lost>()
    const readOne = async (hash: string) => {
      if (this.#failure !== undefined) return
      try {
        await this.#prepare(hash)
      } catch (error) {
        if (isLost(error)) lost.set(hash, error)
        else this.#failure ??= { error }
      }
    }
    await pMap(hashes, readOne, { concurrency: AT_ONCE })
    if (this.#failure !== undefined) throw this.#failure.error
    return lost
  }

  async #prepare(hash: string): Promise<void> {
    const file = await this.#store.find({ hash }, { prefetch: true })
    this.#bytes += file.size
    if (this.#bytes > MAX_BATCH.bytes) {
      throw new HttpProblem(
        'too-large',
        `a batch has at most ${MAX_BATCH.bytes} bytes: ask for fewer`,
      )
    }
    const read = await file.prepare(undefined, { signal: this.#exchange.signal })
    this.#reads.set(hash, { read, size: file.size })
  }

  async send(): Promise<void> {
    const boundary = randomBytes(18).toString('hex')
    const parts: Buffer[] = []
    let lead = ''
    for (const [hash, { read, size }] of this.#reads) {
      const bytes = read.held({ start: 0, end: size })
      if (bytes === undefined)
        throw new UnavailableError('there is no memory for so many files now')
      parts.push(Buffer.from(`${lead}${headOf(boundary, hash)}`), ...bytes)
      lead = '\r\n'
    }
    parts.push(Buffer.from(`${lead}--${boundary}--\r\n`))
    const length = parts.reduce((sum, part) => sum + part.length, 0)
    const type = `multipart/form-data; boundary=${boundary}`
    const fields = ['Cache-Control', 'no-store', ...bodyFields(type, length)]
    await respondHeld(this.#exchange, { status: 200, fields }, parts)
  }

  close(): void {
    for (const { read } of this.#reads.values()) read.close()
  }
}

function headOf(boundary: string, hash: string): string {
  return (
    `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="${hash}"\r\n` +
    'Content-Type: application/octet-stream\r\n\r\n'
  )
}

function isLost(error: unknown): error is Lost {
  return [NotFoundError, EvictedError, CorruptError].some((Kind) => error instanceof Kind)
}

function problemOf(lost: ReadonlyMap<string, Lost>, asked: number): HttpProblem {
  const [[hash, { code }]] = lost as Iterable<[string, Lost]> as [[string, Lost]]
  const detail = `${lost.size} of ${asked} cannot be served; the first one, ${hash}, is ${code}`
  return new HttpProblem(code, detail, {}, [...lost.keys()])
}
