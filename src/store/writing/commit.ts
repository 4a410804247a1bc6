import { checkTtl } from '../../engine/key.ts'
import {
  ExistsError,
  InsufficientStorageError,
  InvalidArgumentError,
  UnavailableError,
} from '../../errors.ts'
import { checkName } from '../file-ref.ts'
import type { Link } from '../records/link.ts'
import type { Links, LinkWritten, Seen } from '../records/links.ts'
import type { Manifest } from '../records/manifest.ts'
import type { Written } from './chunk-writer.ts'
import type { Presence } from './presence.ts'

export interface CommitOptions {
  /** Also store it under this name: 1 to 1,024 bytes of Unicode without control characters. */
  name?: string | undefined
  /** The media type to keep with the name, at most 255 bytes that an HTTP header can hold. */
  type?: string | undefined
  /** Small strings to keep with the name, 4 KiB in all. */
  attributes?: Readonly<Record<string, string>> | undefined
  /** Seconds to live; 0 is as long as there is room. Default: the store's `ttl`. */
  ttl?: number | undefined
  /**
   * Seconds after its `ttl` for which `getOrPut` serves it while it is renewed; for other reads it is not
   * found. Default 0.
   */
  staleFor?: number | undefined
  /**
   * Seconds after its `ttl` for which its record is kept, so that `getOrPut` can renew it without its bytes.
   * Default: `staleFor`.
   */
  keepFor?: number | undefined
  /** Refuse when a readable file has the name already. */
  createOnly?: boolean | undefined
  /**
   * Asked before the first byte is read and again right before the links are written: its
   * rejection ends the upload and changes nothing. The link by name takes the place of just what was
   * there when it was asked: where that has changed, it is asked again.
   */
  precondition?: (() => Promise<unknown>) | undefined
  signal?: AbortSignal | undefined
}

/** How often an upload under a condition looks again at what it is to replace, since others write it at the same time. */
const MAX_LOOKS = 32

/** What a fill has looked at before it began. */
export interface OverOptions {
  /** Make the link by name in the place of this alone: what was written since is newer than the content. */
  over?: Seen | undefined
}

/** Thrown where the name was written to or deleted since `over` was read. The link by hash was made. */
export class OvertakenError extends Error {
  override readonly name = 'OvertakenError'
}

/** How to name content that is stored already. */
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
  /**
   * Whether the name, or without one the hash, led to nothing before. With one memcached, a file that is kept beyond its
   * end (`staleFor`, `keepFor`) counts as something, and so does one that was deleted while it was being produced, or,
   * for ten minutes, with `only`.
   */
  created: boolean
  /** The fewest copies that any part of it was stored in. */
  copies: number
}

/** Options of a commit that were validated. */
export interface Commit extends OverOptions {
  /** What to keep with the name, where there is one. */
  readonly named: Named | undefined
  readonly ttl: number
  readonly createOnly: boolean | undefined
  readonly precondition: (() => Promise<unknown>) | undefined
  readonly signal: AbortSignal | undefined
}

type Named = Pick<Link, 'type' | 'attributes' | 'staleFor' | 'keepFor'> & { readonly name: string }

/** What a commit has made: the link that a reader with the same name, or without one the hash, finds. */
export interface Committed {
  readonly link: Link
  readonly receipt: Receipt
}

/** Makes the links to content whose chunks are stored. */
export class Committer {
  readonly #links: Links
  readonly #presence: Presence
  readonly #ttl: number

  /** @param ttl Seconds that links live unless an option says otherwise. */
  constructor(links: Links, presence: Presence, ttl: number) {
    this.#links = links
    this.#presence = presence
    this.#ttl = ttl
  }

  /** @throws {InvalidArgumentError} */
  validate(options: CommitOptions & OverOptions): Commit {
    const { ttl = this.#ttl, createOnly, precondition, signal, over } = options
    checkTtl(ttl)
    return { named: validateNamed(options), ttl, createOnly, precondition, signal, over }
  }

  /** Rejects as a commit would, as far as that can be told without the content. */
  async check({ named, createOnly, precondition }: Commit): Promise<void> {
    if (createOnly && named !== undefined) await this.#refuseIfReadable(named)
    await precondition?.()
  }

  /** @throws {InsufficientStorageError} when a chunk that was just written is gone again. */
  async checkPresence({ manifest }: Written, { signal }: Commit): Promise<void> {
    const missing = await this.#presence.countMissing(manifest, signal)
    if (missing === 0) return
    throw new InsufficientStorageError(
      `${missing} of ${manifest.chunkCount} chunks vanished before the upload finished: the cache ` +
        'has less memory than this file and what else is written need',
      { expected: `${manifest.chunkCount} chunks`, actual: `${manifest.chunkCount - missing}` },
    )
  }

  /** Makes the link by hash, then the one by name. The caller has seen that all chunks are there. */
  async link({ manifest, copies }: Written, commit: Commit): Promise<Committed> {
    const { named, ttl } = commit
    const seen = commit.precondition && (await this.#look(commit))
    commit.signal?.throwIfAborted()
    const { digest } = manifest
    const link: Link = { manifest, storedAt: Date.now(), ttl }
    const byHash = await this.#links.prolong({ hash: digest }, link, named === undefined)
    const told = named ? await this.#linkName(manifest, named, commit, seen) : byHash
    const receipt = {
      hash: digest.hex,
      size: manifest.size,
      chunks: manifest.chunkCount,
      ...(named && { name: named.name }),
      ...(named?.type !== undefined && { type: named.type }),
      created: told.created,
      copies: Math.min(copies, byHash.copies, told.copies),
    }
    return { link: told.link, receipt }
  }

  /** Resolves with what the name led to before the precondition was asked, for a write in the place of just that. */
  async #look({ named, precondition }: Commit): Promise<Seen | undefined> {
    const seen = named && (await this.#links.see({ name: named.name }))
    await precondition?.()
    return seen && { ...seen, mustBeThere: seen.entry !== undefined }
  }

  /**
   * Dates the link anew: the less time from its date until it can be read, the more the date says.
   * @param seen What fulfilled the precondition.
   */
  async #linkName(
    manifest: Manifest,
    { name, type, attributes, staleFor, keepFor }: Named,
    commit: Commit,
    seen: Seen | undefined,
  ): Promise<LinkWritten> {
    const { ttl, createOnly, over } = commit
    const storedAt = Date.now()
    const link: Link = { manifest, storedAt, ttl, staleFor, keepFor, name, type, attributes }
    const ref = { name }
    if (over !== undefined) {
      const written = await this.#links.putOver(ref, link, over)
      if (written === undefined)
        throw new OvertakenError(`there is another ${JSON.stringify(name)}`)
      return written
    }
    if (createOnly) {
      const added = await this.#links.add(ref, link)
      if (added > 0) return { link, created: true, copies: added }
    } else if (seen === undefined) return this.#links.put(ref, link)
    let current = seen
    for (let looks = 1; looks <= MAX_LOOKS; looks++) {
      current ??= await this.#look(commit)
      if (createOnly) await this.#refuseIfReadable(ref)
      const written = await this.#links.putOver(ref, { ...link, storedAt: Date.now() }, current!)
      if (written !== undefined) return written
      current = undefined
    }
    throw new UnavailableError(`the file ${JSON.stringify(name)} is written at the same time`)
  }

  async #refuseIfReadable({ name }: { name: string }): Promise<void> {
    if ((await this.#presence.readableLink({ name })) !== undefined) throw exists(name)
  }
}

function exists(name: string): ExistsError {
  return new ExistsError(`there is a file ${JSON.stringify(name)} already`)
}

function validateNamed(options: CommitOptions): Named | undefined {
  const { name, type, attributes, staleFor = 0, keepFor = 0 } = options
  checkTtl(staleFor)
  checkTtl(keepFor)
  if (name === undefined) {
    if (attributes === undefined) return undefined
    throw new InvalidArgumentError('attributes are kept with a name, and there is none')
  }
  checkName(name)
  checkType(type)
  checkAttributes(attributes)
  return {
    staleFor: staleFor || undefined,
    keepFor: keepFor || undefined,
    name,
    type,
    attributes: attributes && { ...attributes },
  }
}

/** Refuses now what HTTP could not carry when the file is asked for. */
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

/** Refuses what would make a record that its readers take for a damaged one. */
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
