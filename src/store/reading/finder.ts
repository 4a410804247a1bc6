import type { ParsedRef } from '../file-ref.ts'
import type { ChunkBytes } from '../memory/chunk-bytes.ts'
import { type Entry, toKeptLink } from '../records/entry.ts'
import type { KnownLink } from '../records/known-links.ts'
import type { Link } from '../records/link.ts'
import type { Links } from '../records/links.ts'
import type { Chunk } from '../records/manifest.ts'
import { prefetch } from './chunks/prefetch.ts'
import { ChunkReader } from './chunks/reader.ts'
import { type FileReading, StoredFile } from './stored-file.ts'

export interface FindOptions {
  /**
   * Fetch the only chunk of a small file along with its link, for the read that follows at once: by hash
   * the chunk of that hash, by name the one that the name led to last, up to 64 KiB. At most one chunk
   * is fetched for nothing. Default false.
   */
  prefetch?: boolean | undefined
}

/** A file and the link that was read for it. */
export interface Found {
  readonly file: StoredFile
  readonly link: Link
}

/** Finds files without a look at their chunks. */
export class Finder {
  readonly #links: Links
  readonly #reading: FileReading
  readonly #chunkSize: number

  constructor(links: Links, reading: FileReading, chunkSize: number) {
    this.#links = links
    this.#reading = reading
    this.#chunkSize = chunkSize
  }

  /** @throws {CorruptError | UnavailableError} */
  async find(ref: ParsedRef, options: FindOptions = {}): Promise<Found | undefined> {
    return this.#find(ref, options, (known) => this.#links.read(ref, known))
  }

  /**
   * As `find`, also a file whose time is over, while its record is kept.
   * @returns `entry` What is there under its key.
   */
  async findKept(ref: ParsedRef, options: FindOptions = {}) {
    let entry: Entry | undefined
    const found = await this.#find(ref, options, async (known) => {
      entry = await this.#links.readEntry(ref, known)
      return toKeptLink(entry)
    })
    return { found, entry }
  }

  async #find(
    ref: ParsedRef,
    options: FindOptions,
    read: (known: KnownLink | undefined) => Promise<Link | undefined>,
  ): Promise<Found | undefined> {
    const known = this.#links.known(ref)
    const prefetched = options.prefetch
      ? prefetch(ref, known?.link.manifest, this.#reading, this.#chunkSize)
      : undefined
    try {
      const link = await read(known)
      return link && { link, file: new StoredFile(link, this.#reading, prefetched) }
    } finally {
      // The read that follows at once takes over the room for the chunk.
      if (prefetched !== undefined) setImmediate(() => prefetched.expire())
    }
  }

  /** Returns a file by its link. */
  open(link: Link): StoredFile {
    return new StoredFile(link, this.#reading)
  }

  /** Reads a chunk of a file that has no link yet. @throws {EvictedError | CorruptError} */
  read(chunk: Chunk): Promise<ChunkBytes> {
    const { chunks, events } = this.#reading
    return new ChunkReader(chunks, events, () => {}).read(chunk)
  }
}
