import { type FileHandle, open } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import mime from 'mime'
import { pathOfName } from '../api/paths.ts'
import { Digest } from '../index.ts'
import type { Call, Client } from './client/client.ts'
import { RemoteError } from './client/remote-error.ts'
import { counted, hashOf, read } from './local-file.ts'
import type { ProgressLine } from './progress-line.ts'
import type { PutItem } from './put-plan.ts'

export interface UploadOptions {
  /** Seconds; as the server decides without it. */
  ttl?: number
  /** The media type; guessed from the name without it. */
  type?: string
  /** Send it even where the server has it already. */
  force?: boolean
}

/** What the server tells of what it stored. */
export interface RemoteReceipt {
  hash: string
  size: number
  chunks: number
  name?: string
  type?: string
  url: string
}

export interface Uploaded {
  receipt: RemoteReceipt
  /** Whether the bytes were sent; `false` when the server had them. */
  sent: boolean
}

/** Stores files on a server, each checked against a digest that is computed here. */
export class Uploader {
  readonly #client: Client
  readonly #options: UploadOptions
  readonly #progress: ProgressLine

  constructor(client: Client, options: UploadOptions, progress: ProgressLine) {
    this.#client = client
    this.#options = options
    this.#progress = progress
  }

  /** A file is read twice: its digest tells whether the server has it, and whether it changed. */
  async upload(item: PutItem): Promise<Uploaded> {
    this.#progress.label(item.name ?? item.path)
    if (item.path === '-') return this.#uploadStream(process.stdin, item)
    const file = await open(item.path)
    try {
      const found = await file.stat()
      if (!found.isFile()) {
        return await this.#uploadStream(file.createReadStream({ autoClose: false }), item)
      }
      this.#progress.expect(found.size - item.size)
      return await this.#uploadFile(file, found.size, item)
    } finally {
      await file.close()
    }
  }

  async #uploadFile(file: FileHandle, size: number, item: PutItem): Promise<Uploaded> {
    const digest = await hashOf(file, size, this.#client.signal)
    const known = this.#options.force ? undefined : await this.#known(digest, size, item)
    if (known !== undefined) {
      this.#progress.expect(-size)
      return { receipt: known, sent: false }
    }
    let passed = 0
    const body = () => {
      this.#progress.advance(-passed)
      passed = 0
      const count = (bytes: number) => {
        passed += bytes
        this.#progress.advance(bytes)
      }
      return counted(read(file, size), count)
    }
    const headers = { 'content-length': String(size), 'repr-digest': reprDigest(digest) }
    const path = item.name === undefined ? `/blobs/${digest.hex}` : pathOfName(item.name)
    const receipt = await this.#send({ method: 'PUT', path, headers, body }, item).catch(
      (error) => {
        throw isChange(error) ? changed(item, error) : error
      },
    )
    if (receipt.hash !== digest.hex) throw changed(item)
    return { receipt, sent: true }
  }

  /** What can be read once only cannot be sent again, and its digest is known at the end. */
  async #uploadStream(source: Readable, item: PutItem): Promise<Uploaded> {
    const digest = Digest.stream()
    const pieces = async function* () {
      for await (const piece of source as AsyncIterable<Buffer>) {
        digest.update(piece)
        yield piece
      }
    }
    const body = () => counted(pieces(), (bytes) => this.#progress.advance(bytes))
    const named = item.name !== undefined
    const path = item.name === undefined ? '/files' : pathOfName(item.name)
    const call: Call = { method: named ? 'PUT' : 'POST', path, body, retries: 0 }
    const receipt = await this.#send(call, item)
    const expected = digest.digest().hex
    if (receipt.hash === expected) return { receipt, sent: true }
    throw new RemoteError(
      'corrupt',
      `the server received other bytes than were sent: ${receipt.hash}, not ${expected}`,
    )
  }

  /** The receipt of content that the server has whole; it has the item's name then, too. */
  async #known(digest: Digest, size: number, item: PutItem): Promise<RemoteReceipt | undefined> {
    if (item.name === undefined) return this.#knownByHash(digest, size)
    try {
      const path = pathOfName(item.name)
      return await this.#send({ method: 'PUT', path }, item, { from: digest.hex })
    } catch (error) {
      if (error instanceof RemoteError && MISSES.has(error.reason)) return undefined
      throw error
    }
  }

  async #knownByHash({ hex: hash }: Digest, size: number): Promise<RemoteReceipt | undefined> {
    // Nothing but an upload could give it the time that was asked for.
    if (this.#options.ttl !== undefined) return undefined
    const { missing } = await this.#client.json<{ missing: string[] }>({
      method: 'POST',
      path: '/blobs/missing',
      headers: { 'content-type': 'application/json' },
      body: () => JSON.stringify({ hashes: [hash] }),
    })
    if (missing.length > 0) return undefined
    const { chunks } = await this.#client.json<{ chunks: unknown[] }>({
      path: `/blobs/${hash}/manifest`,
    })
    return { hash, size, chunks: chunks.length, url: `/blobs/${hash}` }
  }

  #send(call: Call, item: PutItem, query: Record<string, string> = {}): Promise<RemoteReceipt> {
    const { ttl } = this.#options
    const search = new URLSearchParams(query)
    if (ttl !== undefined) search.set('ttl', String(ttl))
    return this.#client.json<RemoteReceipt>({
      ...call,
      path: search.size === 0 ? call.path : `${call.path}?${search}`,
      headers: { 'content-type': this.#typeOf(item), ...call.headers },
    })
  }

  #typeOf({ name, path }: PutItem): string {
    return this.#options.type ?? mime.getType(name ?? path) ?? 'application/octet-stream'
  }
}

const MISSES = new Set(['not-found', 'evicted', 'corrupt'])

/** RFC 9530: the server stores nothing if the bytes turn out to be others. */
function reprDigest(digest: Digest): string {
  return `sha-256=:${digest.base64}:`
}

/** The file turned out shorter than it was, or other than it was. */
function isChange(error: unknown): boolean {
  if (error instanceof RemoteError) return error.reason === 'digest-mismatch'
  return (error as { code?: unknown }).code === 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH'
}

function changed({ path }: PutItem, cause?: unknown): Error {
  return new Error(`${path} changed while it was read`, { cause })
}
