import { randomBytes } from 'node:crypto'
import { MAX_BATCH } from '../../api/batch.ts'
import type { FileStore, PreparedRead } from '../../index.ts'
import { mapOrStop } from '../content/map-or-stop.ts'
import { type Piece, respondAll } from '../content/respond.ts'
import type { Exchange } from '../exchange/exchange.ts'
import { bodyFields } from '../fields/content.ts'
import { HttpProblem, isLost, type LostError } from '../problem.ts'

/** Files that are looked for at once. */
const AT_ONCE = 64

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
    if (lost.size > 0) throw lostOf(lost, hashes.length)
    await batch.send(hashes)
  } finally {
    batch.close()
  }
}

class Batch {
  readonly #exchange: Exchange
  readonly #store: FileStore
  readonly #reads = new Map<string, { read: PreparedRead; size: number }>()
  #bytes = 0

  constructor(exchange: Exchange, store: FileStore) {
    this.#exchange = exchange
    this.#store = store
  }

  /** Reads and verifies the files; resolves with those that cannot be. */
  async read(hashes: readonly string[]): Promise<Map<string, LostError>> {
    const lost = new Map<string, LostError>()
    const readOne = async (hash: string) => {
      try {
        await this.#prepare(hash)
      } catch (error) {
        if (!isLost(error)) throw error
        lost.set(hash, error)
      }
    }
    await mapOrStop(hashes, readOne, AT_ONCE)
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

  /** Sends them in the order of `hashes`. */
  async send(hashes: readonly string[]): Promise<void> {
    const boundary = randomBytes(18).toString('hex')
    const pieces: Piece[] = []
    let length = 0
    const add = (text: string) => {
      pieces.push(Buffer.from(text))
      length += text.length
    }
    for (const [index, hash] of hashes.entries()) {
      const { read, size } = this.#reads.get(hash)!
      add((index === 0 ? '' : '\r\n') + headOf(boundary, hash))
      pieces.push({ read, range: { start: 0, end: size } })
      length += size
    }
    add(`${hashes.length === 0 ? '' : '\r\n'}--${boundary}--\r\n`)
    const type = `multipart/form-data; boundary=${boundary}`
    const fields = ['Cache-Control', 'no-store', ...bodyFields(type, length)]
    await respondAll(this.#exchange, { status: 200, fields }, pieces)
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

function lostOf(lost: ReadonlyMap<string, LostError>, asked: number): HttpProblem {
  const [[hash, { code }]] = lost as Iterable<[string, LostError]> as [[string, LostError]]
  const detail = `${lost.size} of ${asked} cannot be served; the first one, ${hash}, is ${code}`
  return new HttpProblem(code, detail, {}, [...lost.keys()])
}
