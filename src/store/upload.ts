import { Digest } from '../digest.ts'
import { checkTtl } from '../engine/key.ts'
import { DigestMismatchError, ExistsError, InvalidArgumentError } from '../errors.ts'
import type { Budgets } from './budgets.ts'
import { type ChunkWriter, tooLarge } from './chunk-writer.ts'
import { checkName } from './file-ref.ts'
import type { FileStore } from './file-store.ts'
import type { Link } from './link.ts'
import type { Links } from './links.ts'
import { destroyOnAbort, piecesOf, type Source } from './source.ts'

export interface PutOptions {
  /** Also store it under this name: 1 to 1,024 bytes of Unicode without control characters. */
  name?: string
  /** The media type to keep with the name, at most 255 bytes. */
  type?: string
  /** Small strings to keep with the name, 4 KiB in all. */
  attributes?: Readonly<Record<string, string>>
  /** Seconds to live; 0 is as long as there is room. Default: the store's `ttl`. */
  ttl?: number
  /** What the content's SHA-256 must be. */
  digest?: Digest | string
  /** Refuse when a readable file has the name already. */
  createOnly?: boolean
  /** Bytes that the source will yield, where that is known: sets aside no more memory than it needs. */
  size?: number
  signal?: AbortSignal | undefined
  onProgress?: (progress: Progress) => void
}

export interface Progress {
  /** Bytes stored by now. */
  readonly bytes: number
  /** Bytes in all, where that is known beforehand. */
  readonly total?: number
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

/** What an upload needs of its store. */
interface Uploading {
  readonly store: FileStore
  readonly links: Links
  readonly budgets: Budgets
  readonly writer: ChunkWriter
  /** The store's default, in seconds. */
  readonly ttl: number
}

/** Chunks, presence check, link by hash, link by name: in this order, and nothing after a failure. */
export async function upload(
  source: Source,
  options: PutOptions,
  { store, links, budgets, writer, ttl: defaultTtl }: Uploading,
): Promise<Receipt> {
  const { signal, onProgress } = options
  const { pieces, size: sourceSize } = piecesOf(source)
  const size = sourceSize ?? options.size
  const named = describeName(options)
  const expected = parseDigest(options.digest)
  const ttl = options.ttl ?? defaultTtl
  checkTtl(ttl)
  signal?.throwIfAborted()
  const maxSize = await store.maxFileSize()
  if (size !== undefined && size > maxSize) throw tooLarge(maxSize, `${size} bytes`)
  if (options.createOnly) await refuseIfReadable(store, named)

  const window = await budgets.window(size ?? Infinity, store.chunkSize, signal)
  const stopListening = destroyOnAbort(source, signal)
  try {
    const { manifest, copies } = await writer.write(pieces, {
      chunkSize: store.chunkSize,
      window: window.chunks,
      maxSize,
      signal,
      onStored: (bytes) => onProgress?.(size === undefined ? { bytes } : { bytes, total: size }),
    })
    if (expected !== undefined && !manifest.digest.equals(expected)) {
      throw mismatch(expected, manifest.digest)
    }
    await writer.checkPresence(manifest, signal)
    const link: Link = { manifest, storedAt: Date.now(), ttl }
    const byHash = await links.putKeepingLife({ hash: manifest.digest }, link)
    const byName = named && (await linkName(store, links, { ...link, ...named }, options))
    return {
      hash: manifest.digest.hex,
      size: manifest.size,
      chunks: manifest.chunkCount,
      ...(named && { name: named.name }),
      ...(named?.type !== undefined && { type: named.type }),
      created: (byName ?? byHash).created,
      copies: Math.min(copies, byHash.copies, byName?.copies ?? byHash.copies),
    }
  } finally {
    stopListening()
    window.release()
  }
}

type NamedLink = Link & { name: string }

async function linkName(store: FileStore, links: Links, link: NamedLink, options: PutOptions) {
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

function describeName({ name, type, attributes }: PutOptions) {
  if (name === undefined) {
    if (attributes === undefined) return undefined
    throw new InvalidArgumentError('attributes are kept with a name, and there is none')
  }
  checkName(name)
  checkLength('a media type', type, 255)
  checkLength('attributes', attributes && JSON.stringify(attributes), 4096)
  return {
    name,
    ...(type !== undefined && { type }),
    ...(attributes !== undefined && { attributes }),
  }
}

function checkLength(what: string, text: string | undefined, limit: number): void {
  const length = Buffer.byteLength(text ?? '')
  if (length <= limit) return
  throw new InvalidArgumentError(`${what} may have ${limit} bytes`, { actual: `${length} bytes` })
}

function parseDigest(digest: Digest | string | undefined): Digest | undefined {
  return typeof digest === 'string' ? Digest.parse(digest) : digest
}

function mismatch(expected: Digest, actual: Digest): DigestMismatchError {
  return new DigestMismatchError('the content does not have the digest that it should have', {
    expected: `sha256 ${expected.hex}`,
    actual: `sha256 ${actual.hex}`,
  })
}
