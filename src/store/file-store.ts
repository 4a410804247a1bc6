import pMap from 'p-map'
import { Digest } from '../digest.ts'
import type { Engine } from '../engine/engine.ts'
import { InvalidArgumentError, NotFoundError } from '../errors.ts'
import { Budgets, type MemoryUsage } from './budgets.ts'
import { BufferPool } from './buffer-pool.ts'
import { ChunkSource } from './chunk-source.ts'
import { ChunkWriter } from './chunk-writer.ts'
import { describeRef, type FileRef, parseRef } from './file-ref.ts'
import { Hasher } from './hashing/hasher.ts'
import { Keys } from './keys.ts'
import { maxChunkCount } from './link.ts'
import { Links } from './links.ts'
import type { Chunk } from './manifest.ts'
import { StoreEvents, type StoreObserver } from './observer.ts'
import { type FileStoreOptions, type Settings, settle } from './options.ts'
import { Prefetcher } from './prefetcher.ts'
import { Presence } from './presence.ts'
import { type Repair, repairChunks } from './repair.ts'
import { Sealer } from './seal.ts'
import { SharedChunks } from './shared-chunks.ts'
import type { Source } from './source.ts'
import { checkCommit, type LinkOptions, type Receipt, StagedFile } from './staged-file.ts'
import { type FileReading, StoredFile } from './stored-file.ts'
import { type PutOptions, type StageOptions, stage, type Uploading, upload } from './upload.ts'
import type { Verification } from './verification.ts'

/** Links looked up at once by `missing`. */
const LOOKUPS = 64

export interface FindOptions {
  /**
   * Fetch the chunk that a small file consists of along with its link, for whoever reads it next: the one with
   * that hash or, by name, the one that the name led to lately. Never more than a chunk too many.
   * Default false.
   */
  prefetch?: boolean
}

export interface GetOptions {
  signal?: AbortSignal | undefined
}

/** Files in an engine that may forget or damage anything: what comes out is what went in. */
export class FileStore {
  readonly engine: Engine
  readonly #settings: Settings
  readonly #keys: Keys
  readonly #links: Links
  readonly #budgets: Budgets
  readonly #reading: FileReading
  readonly #presence: Presence
  readonly #prefetcher: Prefetcher
  readonly #writer: ChunkWriter
  readonly #hasher: Hasher
  readonly #events = new StoreEvents()

  /**
   * The store closes the engine when it is closed itself.
   * @throws {InvalidArgumentError} when an option is out of its range.
   */
  constructor(engine: Engine, options: FileStoreOptions = {}) {
    this.engine = engine
    this.#settings = settle(options)
    this.#keys = new Keys(options.keyPrefix)
    this.#links = new Links(engine, this.#keys, new Sealer(secretsOf(options.secret)))
    this.#presence = new Presence(engine, this.#keys)
    this.#budgets = new Budgets(this.#settings)
    const { chunkSize, hotCache, heldBytes, readBytes, uploadBytes } = this.#settings
    this.#hasher = new Hasher(this.#settings.hashThreads)
    // What was used at once may be used at once again.
    const pool = new BufferPool(chunkSize, Math.ceil((heldBytes + readBytes) / chunkSize))
    const source = new ChunkSource(engine, this.#keys, this.#hasher, pool)
    const chunks = new SharedChunks(source, pool, hotCache)
    this.#prefetcher = new Prefetcher(chunks, this.#budgets, chunkSize)
    this.#reading = {
      chunks,
      source,
      budgets: this.#budgets,
      presence: this.#presence,
      events: this.#events,
    }
    // Not the pool of the reads: what they handed out may be uploaded, and is somebody else's still.
    const uploads = new BufferPool(chunkSize, Math.ceil(uploadBytes / chunkSize))
    this.#writer = new ChunkWriter(engine, this.#keys, this.#presence, uploads, this.#hasher)
  }

  get chunkSize(): number {
    return this.#settings.chunkSize
  }

  /** The memory that requests hold now, and how many wait for some. */
  get memoryUsage(): MemoryUsage {
    return this.#budgets.usage
  }

  /**
   * Resolves when the engine answers and can store a chunk.
   * @throws {InvalidArgumentError} when chunks are larger than the engine stores; it says how large
   * they may be.
   * @throws {UnavailableError}
   */
  async ready(): Promise<void> {
    await this.engine.ping()
    await this.maxFileSize()
  }

  /** Bytes that a file may have: the configured limit, or what one manifest can list. */
  async maxFileSize(): Promise<number> {
    const { chunkSize, maxFileSize } = this.#settings
    const maxValue = await this.engine.maxValueSize(this.#keys.length)
    if (chunkSize > maxValue) {
      throw new InvalidArgumentError(
        `a chunk of ${chunkSize} bytes cannot be stored: the largest that can has ${maxValue} bytes`,
        { expected: `chunkSize <= ${maxValue}`, actual: String(chunkSize) },
      )
    }
    return Math.min(maxFileSize, maxChunkCount(maxValue) * chunkSize)
  }

  /**
   * Stores a file under its content hash and, with `name`, under that name. Chunks first, then a
   * check that all of them are there, then the link by hash, then the link by name: whatever goes
   * wrong, no link leads to something incomplete, and what the name meant before stays.
   *
   * @throws {DigestMismatchError} with `digest`, when the content has another one.
   * @throws {ExistsError} with `createOnly`, when a readable file has that name.
   * @throws {TooLargeError} beyond `maxFileSize`.
   * @throws {InsufficientStorageError} when the engine cannot hold the file.
   * @throws {UnavailableError}
   * @example await store.put(createReadStream('report.pdf'), { name: 'report.pdf', ttl: 3600 })
   */
  put(source: Source, options: PutOptions = {}): Promise<Receipt> {
    return this.#events.upload(() => upload(source, options, this.#uploading))
  }

  /**
   * Stores the chunks of a file and no more: `commit` of what it resolves with makes the links. For
   * several files that shall all be there or none, and for names that are known only later.
   *
   * @throws {DigestMismatchError | TooLargeError | InsufficientStorageError | UnavailableError}
   */
  stage(source: Source, options: StageOptions = {}): Promise<StagedFile> {
    return this.#events.upload(() => stage(source, options, this.#uploading))
  }

  /**
   * Gives content that is stored already a name, without its bytes: what an upload of the same
   * content would end with. All chunks are seen to be there first; nothing reads them.
   * @throws {NotFoundError | EvictedError | CorruptError} when the content could not be served.
   * @throws {ExistsError} with `createOnly`, when a readable file has that name.
   * @throws {UnavailableError}
   * @example await store.link(receipt.hash, { name: 'latest.tar.gz', ttl: 86_400 })
   */
  async link(hash: string | Digest, options: LinkOptions): Promise<Receipt> {
    const digest = typeof hash === 'string' ? Digest.parse(hash) : hash
    await checkCommit(options, this.#uploading)
    const { manifest } = await this.get({ hash: digest }, { signal: options.signal })
    return new StagedFile(manifest, Number.POSITIVE_INFINITY, this.#uploading).commit(options)
  }

  /**
   * The file, by name or by hash, once all its chunks have been seen to be there. Their bytes are
   * verified when they are read.
   * @throws {NotFoundError | EvictedError | CorruptError | UnavailableError}
   */
  async get(ref: FileRef, options: GetOptions = {}): Promise<StoredFile> {
    const file = await this.find(ref)
    await file.probe(options.signal)
    return file
  }

  /**
   * The file behind a link, without a look at its chunks: for callers that verify at once.
   * @throws {NotFoundError | CorruptError | UnavailableError}
   */
  async find(ref: FileRef, { prefetch = false }: FindOptions = {}): Promise<StoredFile> {
    const parsed = parseRef(ref)
    const prefetched = prefetch
      ? this.#prefetcher.start(parsed, this.#links.lately(parsed))
      : undefined
    const link = await this.#links.read(parsed)
    if (link === undefined) throw new NotFoundError(`there is no ${describeRef(parsed)}`)
    return new StoredFile(link, this.#reading, prefetched)
  }

  /**
   * Whether there is such a file, as far as shows without reading its chunks; keeps it alive.
   * @throws {UnavailableError}
   */
  async isReadable(ref: FileRef, { signal }: GetOptions = {}): Promise<boolean> {
    const link = await this.#links.readUnlessCorrupt(parseRef(ref))
    if (link === undefined) return false
    return (await this.#presence.countMissing(link.manifest, signal)) === 0
  }

  /**
   * Reads and checks every chunk of a file; changes nothing.
   * @throws {NotFoundError | CorruptError | UnavailableError} when there is no link to go by.
   */
  async verify(ref: FileRef, options: GetOptions = {}): Promise<Verification> {
    return (await this.find(ref)).verify(options)
  }

  /**
   * Reads every copy of a file's link and chunks, and writes those again that are missing,
   * outdated or wrong, where another copy is right. What no copy of is left, only an upload heals.
   * @throws {NotFoundError | CorruptError | UnavailableError} when there is no link to go by.
   */
  async repair(ref: FileRef, { signal }: GetOptions = {}): Promise<Repair> {
    const parsed = parseRef(ref)
    const { link, copies } = await this.#links.repair(parsed)
    if (link === undefined) throw new NotFoundError(`there is no ${describeRef(parsed)}`)
    return { ...(await repairChunks(link.manifest, this.#reading, signal)), link: copies }
  }

  /**
   * Which of these contents could not be served by hash; each at most once, in the order given.
   * What is there has its life extended.
   * @throws {InvalidArgumentError | UnavailableError}
   */
  async missing(hashes: Iterable<string | Digest>, { signal }: GetOptions = {}): Promise<string[]> {
    const digests = new Map<string, Digest>()
    for (const hash of hashes) {
      const digest = typeof hash === 'string' ? Digest.parse(hash) : hash
      digests.set(digest.hex, digest)
    }
    const present = await pMap(
      digests.values(),
      (digest) => {
        signal?.throwIfAborted()
        return this.#isPresent(digest, signal)
      },
      { concurrency: LOOKUPS },
    )
    return [...digests.keys()].filter((_, index) => !present[index])
  }

  /**
   * Removes the link by name, or the link by hash; resolves with whether there was one. No other
   * link is touched. Chunks may be shared with other files and are left to the engine, unless
   * `purge` asks to remove them as well.
   * @throws {UnavailableError}
   */
  async delete(ref: FileRef, { purge = false } = {}): Promise<boolean> {
    const parsed = parseRef(ref)
    const link = purge ? await this.#links.readUnlessCorrupt(parsed) : undefined
    const wasThere = await this.#links.delete(parsed)
    const remove = ({ digest, near }: Chunk) =>
      this.engine.delete(this.#keys.chunk(digest), { near: this.#keys.chunk(near) })
    await pMap(link?.manifest.chunks() ?? [], remove, {
      concurrency: LOOKUPS,
    })
    return wasThere
  }

  /** Tells `observer` of everything that happens from now on. */
  observe(observer: StoreObserver): void {
    this.#events.add(observer)
  }

  /** Settles everything under way and closes the engine. Idempotent. */
  async close(): Promise<void> {
    await this.engine.close()
    await this.#hasher.close()
  }

  get #uploading(): Uploading {
    return {
      store: this,
      links: this.#links,
      budgets: this.#budgets,
      writer: this.#writer,
      ttl: this.#settings.ttl,
    }
  }

  async #isPresent(digest: Digest, signal: AbortSignal | undefined): Promise<boolean> {
    const ref = { hash: digest }
    const link = await this.#links.readUnlessCorrupt(ref)
    if (link === undefined) return false
    if ((await this.#presence.countMissing(link.manifest, signal)) > 0) return false
    return this.#links.touch(ref, link)
  }
}

function secretsOf(secret: FileStoreOptions['secret']): readonly (string | Uint8Array)[] {
  if (secret === undefined) return []
  return typeof secret === 'string' || secret instanceof Uint8Array ? [secret] : secret
}
