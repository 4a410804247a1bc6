import { type FileHandle, open } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import type { ManifestJson } from '../../api/chunks.ts'
import { reprDigestOf } from '../../api/fields.ts'
import { aspectPathOf, pathOf, UNNAMED, withQuery } from '../../api/paths.ts'
import type { Reason } from '../../api/reasons.ts'
import { type ReceiptJson, receiptJson } from '../../api/receipt.ts'
import { Digest } from '../../digest.ts'
import { orAborted } from '../../or-aborted.ts'
import { RemoteError } from '../client/remote-error.ts'
import type { Call, RemoteServer } from '../client/remote-server.ts'
import type { ProgressLine } from '../terminal/progress-line.ts'
import { askMissing } from './ask-missing.ts'
import { type UploadOptions, uploadForm } from './form-upload.ts'
import { ChangedError, counted, hashOf, isSmall, read, readSmall } from './local-file.ts'
import type { PutItem } from './put-plan.ts'

export interface Uploaded {
  receipt: ReceiptJson
  /** Whether the bytes were sent; `false` if the server had them. */
  sent: boolean
}

type Count = (bytes: number) => void

/** What is in a file, and what its digest was. */
interface Content {
  digest: Digest
  /** Bytes. */
  size: number
  /** Makes the body for one attempt, which counts what is read of it. */
  body: (count: Count) => Readable | Buffer
}

/** Uploads files, and checks each against a digest that is computed here. */
export class Uploader {
  readonly #server: RemoteServer
  readonly #options: UploadOptions
  readonly #progress: ProgressLine
  /** What the form of each group came to. */
  readonly #forms = new WeakMap<readonly PutItem[], ReturnType<typeof uploadForm>>()

  constructor(server: RemoteServer, options: UploadOptions, progress: ProgressLine) {
    this.#server = server
    this.#options = options
    this.#progress = progress
  }

  /** Uploads a file, in one form with all of its group that the server lacks. */
  async upload(item: PutItem, group: readonly PutItem[]): Promise<Uploaded> {
    if (item.failure !== undefined) throw item.failure
    this.#progress.label(item.name ?? item.path)
    if (group.length === 1) return this.#uploadAlone(item)
    const form = this.#forms.get(group) ?? uploadForm(group, this.#server, this.#options)
    this.#forms.set(group, form)
    const receipt = (await form).get(item)
    if (receipt === undefined) return this.#uploadAlone(item)
    this.#progress.advance(item.size)
    return { receipt, sent: true }
  }

  /** Uploads a file by itself. A large one is read twice: first for its digest, to ask whether the server has it. */
  async #uploadAlone(item: PutItem): Promise<Uploaded> {
    if (item.path === '-') return this.#uploadStream(process.stdin, item)
    const small = isSmall(item) ? readSmall(item) : undefined
    if (small !== undefined) {
      const body = (count: Count) => {
        count(small.length)
        return small
      }
      return this.#uploadContent({ digest: Digest.of(small), size: small.length, body }, item)
    }
    const { signal } = this.#server
    // To open a pipe may take for ever.
    const file = await orAborted(open(item.path), signal)
    try {
      const found = await file.stat()
      if (!found.isFile()) {
        return await this.#uploadStream(file.createReadStream({ autoClose: false }), item)
      }
      this.#progress.expect(found.size - item.size)
      return await this.#uploadFile(file, found.size, item)
    } finally {
      await orAborted(file.close(), signal) // It waits for reads.
    }
  }

  async #uploadFile(file: FileHandle, size: number, item: PutItem): Promise<Uploaded> {
    let hashed = 0
    const digest = await hashOf(file, size, (bytes) => {
      this.#server.signal.throwIfAborted()
      hashed += bytes
      this.#progress.check(bytes)
    })
    this.#progress.check(-hashed)
    if (digest === undefined) {
      this.#progress.expect(-size)
      return this.#uploadStream(file.createReadStream({ start: 0, autoClose: false }), item)
    }
    const body = (count: Count) => counted(read(file, size), count, size)
    return this.#uploadContent({ digest, size, body }, item).catch((error) => {
      throw isChange(error) ? changed(item, error) : error
    })
  }

  async #uploadContent({ digest, size, body }: Content, item: PutItem): Promise<Uploaded> {
    const known = this.#options.force ? undefined : await this.#known(digest, size, item)
    if (known !== undefined) {
      this.#progress.expect(-size)
      return { receipt: known, sent: false }
    }
    let passed = 0
    const again = () => {
      this.#progress.advance(-passed)
      passed = 0
      return body((bytes) => {
        passed += bytes
        this.#progress.advance(bytes)
      })
    }
    const headers = { 'content-length': String(size), 'repr-digest': reprDigestOf(digest.base64) }
    const path = pathOf(item.name === undefined ? { hash: digest.hex } : { name: item.name })
    const call: Call = { method: 'PUT', path, headers, body: again }
    return { receipt: checked(await this.#send(call, item), digest), sent: true }
  }

  /** Sends what can be read only once: without retries, and its digest is known at the end. */
  async #uploadStream(source: Readable, item: PutItem): Promise<Uploaded> {
    const digest = Digest.stream()
    const pieces = async function* () {
      for await (const piece of source as AsyncIterable<Buffer>) {
        digest.update(piece)
        yield piece
      }
    }
    const body = () => counted(pieces(), (bytes) => this.#progress.advance(bytes))
    const { name } = item
    const target: Call =
      name === undefined
        ? { method: 'POST', path: UNNAMED }
        : { method: 'PUT', path: pathOf({ name }) }
    const receipt = await this.#send({ ...target, body, retries: 0 }, item)
    return { receipt: checked(receipt, digest.digest()), sent: true }
  }

  /** Gives content that the server has intact the item's name; `undefined` if it does not have it. */
  async #known(digest: Digest, size: number, item: PutItem): Promise<ReceiptJson | undefined> {
    const { name } = item
    try {
      if (name === undefined) return await this.#knownByHash(digest, size)
      return await this.#send({ method: 'PUT', path: pathOf({ name }) }, item, digest.hex)
    } catch (error) {
      if (error instanceof RemoteError && MISSES.has(error.reason)) return undefined
      throw error
    }
  }

  async #knownByHash({ hex: hash }: Digest, size: number): Promise<ReceiptJson | undefined> {
    const missing = await askMissing(this.#server, [hash])
    if (missing.length > 0) return undefined
    const { chunks } = await this.#server.json<ManifestJson>({
      path: aspectPathOf({ hash }, 'manifest'),
    })
    return receiptJson({ hash, size, chunks: chunks.length }, this.#server.prefix)
  }

  #send(call: Call, item: PutItem, from?: string): Promise<ReceiptJson> {
    const { ttl } = this.#options
    return this.#server.json<ReceiptJson>({
      ...call,
      path: withQuery(call.path, { from, ttl }),
      headers: { 'content-type': item.type, ...call.headers },
    })
  }
}

const MISSES = new Set<string>(['not-found', 'evicted', 'corrupt'] satisfies Reason[])

/** @throws {RemoteError} unless the receipt is for that content. */
function checked(receipt: ReceiptJson, { hex }: Digest): ReceiptJson {
  if (receipt.hash === hex) return receipt
  throw new RemoteError(
    'corrupt',
    `the server received other bytes than were sent: ${receipt.hash}, not ${hex}`,
  )
}

/** Whether the file no longer has the length or the bytes that it had at first. */
function isChange(error: unknown): boolean {
  return error instanceof RemoteError
    ? error.reason === 'digest-mismatch'
    : error instanceof ChangedError
}

function changed({ path }: PutItem, cause: unknown): Error {
  return new Error(`${path} changed while it was read`, { cause })
}
