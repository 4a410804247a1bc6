import type { Digest } from '../../digest.ts'
import { checkTtl } from '../../engine/key.ts'
import { ExistsError, InvalidArgumentError } from '../../errors.ts'
import { checkName } from '../file-ref.ts'
import type { FileStore } from '../file-store.ts'
import type { Link } from '../records/link.ts'
import type { Links, LinkWritten } from '../records/links.ts'
import type { Manifest } from '../records/manifest.ts'
import type { Uploading } from './upload.ts'

export interface CommitOptions {
  /** Also store it under this name: 1 to 1,024 bytes of Unicode without control characters. */
  name?: string
  /** The media type to keep with the name, at most 255 bytes that an HTTP header can hold. */
  type?: string
  /** Small strings to keep with the name, 4 KiB in all. */
  attributes?: Readonly<Record<string, string>>
  /** Seconds to live; 0 is as long as there is room. Default: the store's `ttl`. */
  ttl?: number
  /** Refuse when a readable file has the name already. */
  createOnly?: boolean
  /**
   * Asked before the first byte is read and again right before the links are written: its
   * rejection ends the upload and changes nothing.
   */
  precondition?: () => Promise<void>
  signal?: AbortSignal | undefined
}

/** How to name content that is there already. */
export interface LinkOptions extends CommitOptions {
  name: string
}

/** What was stored. */
export interface Receipt {
  /** The SHA-256 of the content, as `sha256sum` prints it. */
  hash: string
  /** Bytes. */
  size: number
  /** Number of chunks. */
  chunks: number
  name?: string
  type?: string
  /** Whether the name, or without one the hash, led to nothing before. */
  created: boolean
  /** The fewest copies that any part of it was stored in. */
  copies: number
}

/** Content whose chunks are stored and that nothing leads to: drop it, and it was never there. */
export class StagedFile {
  readonly #manifest: Manifest
  readonly #copies: number
  readonly #uploading: Uploading

  constructor(manifest: Manifest, copies: number, uploading: Uploading) {
    this.#manifest = manifest
    this.#copies = copies
    this.#uploading = uploading
  }

  get digest(): Digest {
    return this.#manifest.digest
  }

  /** Bytes. */
  get size(): number {
    return this.#manifest.size
  }

  /**
   * Rejects as `commit` with the same options would, and changes nothing: for whoever wants to
   * commit several files or none.
   */
  async confirm(options: CommitOptions = {}): Promise<void> {
    await checkCommit(options, this.#uploading)
    await this.#checkPresence(options)
  }

  /**
   * Confirms that all chunks are there, then makes the link by hash, then the one by name.
   * @throws {ExistsError} with `createOnly`, when a readable file has that name.
   * @throws {InsufficientStorageError | InvalidArgumentError | UnavailableError}
   */
  async commit(options: CommitOptions = {}): Promise<Receipt> {
    const { store, links } = this.#uploading
    const manifest = this.#manifest
    const { named, ttl } = describe(options, this.#uploading)
    await this.#checkPresence(options)
    await options.precondition?.()
    options.signal?.throwIfAborted()
    const link: Link = { manifest, storedAt: Date.now(), ttl }
    const byHash = await this.#linkHash(link, named !== undefined)
    const byName = named && (await linkName(store, links, { ...link, ...named }, options))
    return {
      hash: manifest.digest.hex,
      size: manifest.size,
      chunks: manifest.chunkCount,
      ...(named && { name: named.name }),
      ...(named?.type !== undefined && { type: named.type }),
      created: (byName ?? byHash).created,
      copies: Math.min(this.#copies, byHash.copies, byName?.copies ?? byHash.copies),
    }
  }

  /** @param hasName Whether the receipt tells of a name, and not of the hash, if it is new. */
  async #linkHash(link: Link, hasName: boolean): Promise<LinkWritten> {
    const { links } = this.#uploading
    const ref = { hash: link.manifest.digest }
    const lasting = await links.keepingLife(ref, link)
    if (!hasName) return links.put(ref, lasting)
    return { created: false, copies: await links.replace(ref, lasting) }
  }

  #checkPresence({ signal }: CommitOptions): Promise<void> {
    return this.#uploading.writer.checkPresence(this.#manifest, signal)
  }
}

/** Rejects as `commit` would, as far as that can be told without the content. */
export async function checkCommit(options: CommitOptions, uploading: Uploading): Promise<void> {
  const { named } = describe(options, uploading)
  if (options.createOnly) await refuseIfReadable(uploading.store, named)
  await options.precondition?.()
}

function describe(options: CommitOptions, uploading: Uploading) {
  const named = describeName(options)
  const ttl = options.ttl ?? uploading.ttl
  checkTtl(ttl)
  return { named, ttl }
}

type NamedLink = Link & { name: string }

async function linkName(store: FileStore, links: Links, link: NamedLink, options: CommitOptions) {
  const ref = { name: link.name }
  if (!options.createOnly) return links.put(ref, link)
  const added = await links.add(ref, link)
  if (added > 0) return { created: true, copies: added }
  await refuseIfReadable(store, link)
  return links.put(ref, link)
}

async function refuseIfReadable(store: FileStore, named: { name: string } | undefined) {
  if (named === undefined || !(await store.isReadable(named))) return
  throw new ExistsError(`there is a file ${JSON.stringify(named.name)} already`)
}

function describeName({ name, type, attributes }: CommitOptions) {
  if (name === undefined) {
    if (attributes === undefined) return undefined
    throw new InvalidArgumentError('attributes are kept with a name, and there is none')
  }
  checkName(name)
  checkType(type)
  checkAttributes(attributes)
  return {
    name,
    ...(type !== undefined && { type }),
    ...(attributes !== undefined && { attributes }),
  }
}

/** What HTTP cannot carry must be refused now, not when the file is asked for. */
function checkType(type: string | undefined): void {
  if (type !== undefined && typeof type !== 'string') {
    throw new InvalidArgumentError('a media type is a string', { actual: String(type) })
  }
  checkLength('a media type', type, 255)
  if (type === undefined || /^[\t\x20-\x7e\x80-\xff]*$/.test(type)) return
  throw new InvalidArgumentError('a media type is what an HTTP header can hold', {
    actual: JSON.stringify(type),
  })
}

/** What a reader would take for a damaged record must not be stored. */
function checkAttributes(attributes: Record<string, string> | undefined): void {
  if (attributes === undefined) return
  const values: unknown[] = attributes === null ? [undefined] : Object.values(attributes)
  if (Array.isArray(attributes) || values.some((value) => typeof value !== 'string')) {
    throw new InvalidArgumentError('attributes are an object of strings')
  }
  checkLength('attributes', JSON.stringify(attributes), 4096)
}

function checkLength(what: string, text: string | undefined, limit: number): void {
  const length = Buffer.byteLength(text ?? '')
  if (length <= limit) return
  throw new InvalidArgumentError(`${what} may have ${limit} bytes`, { actual: `${length} bytes` })
}
