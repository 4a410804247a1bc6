import { setMaxListeners } from 'node:events'
import pMap from 'p-map'
import { Digest } from '../digest.ts'
import type { Engine } from '../engine/engine.ts'
import { InvalidArgumentError, NotFoundError } from '../errors.ts'
import {
  checkDeleteOptions,
  checkFindOptions,
  checkGetOptions,
  checkList,
  checkWork,
  type DeleteOptions,
  type GetOptions,
  toContent,
  toSecrets,
  type WorkOptions,
} from './arguments.ts'
import { describeRef, type FileRef, type ParsedRef, parseRef, toDigest } from './file-ref.ts'
import { Filler, type Filling } from './filling/filler.ts'
import { FillLease } from './filling/lease.ts'
import { isFoundBy } from './filling/look.ts'
import type { FillOptions, GetOrPutOptions, Produce } from './filling/produce.ts'
import type { ProducedFile } from './filling/produced-file.ts'
import { Hasher } from './hashing/hasher.ts'
import { Budgets, type MemoryUsage } from './memory/budgets.ts'
import { ByteBudget } from './memory/byte-budget.ts'
import { BufferPool } from './memory/pool.ts'
import { StoreEvents, type StoreObserver } from './observer.ts'
import { type FileStoreOptions, validateOptions } from './options.ts'
import { SharedChunks } from './reading/chunks/shared.ts'
import { ChunkSource } from './reading/chunks/source.ts'
import { Finder, type FindOptions } from './reading/finder.ts'
import { Prover } from './reading/prover.ts'
import { type Repair, repairChunks } from './reading/repair.ts'
import type { FileReading, StoredFile } from './reading/stored-file.ts'
import type { Verification } from './reading/verification.ts'
import { Keys } from './records/keys.ts'
import type { Link } from './records/link.ts'
import type { Links } from './records/links.ts'
import { linksOf } from './records/links-of.ts'
import type { Chunk } from './records/manifest.ts'
import { Proofs } from './records/proofs.ts'
import { Sealer } from './records/seal.ts'
import { ChunkWriter } from './writing/chunk-writer.ts'
import { Committer, type LinkOptions, type Receipt } from './writing/commit.ts'
import { isLarge, Presence } from './writing/presence.ts'
import { checkLinkOptions } from './writing/put-options.ts'
import type { Source } from './writing/source.ts'
import { type PutOptions, type StagedFile, type StageOptions, Uploads } from './writing/upload.ts'

/** Links looked up at once by `missing`. */
const LOOKUPS = 64

/** Files in an engine that may forget or damage anything: what comes out is what went in. */
export class FileStore {
  readonly engine: Engine
  /** Bytes. */
  readonly chunkSize: number
  /** Bytes that a file may have as far as the options say; `maxFileSize()` tells what the engine lets it have too. */
  readonly fileSizeLimit: number
  readonly #keys: Keys
  readonly #links: Links
  readonly #reading: FileReading
  readonly #writer: ChunkWriter
  readonly #committer: Committer
  readonly #uploads: Uploads
  readonly #finder: Finder
  readonly #filler: Filler
  readonly #hasher: Hasher
  readonly #events = new StoreEvents()

  /**
   * The store closes the engine when it is closed itself.
   * @throws {InvalidArgumentError} when `engine` is none, or an option is unknown or out of its range.
   */
  constructor(engine: Engine, options: FileStoreOptions = {}) {
    checkEngine(engine)
    this.engine = engine
    const settings = validateOptions(options)
    const { chunkSize, hotCache, heldBytes, readBytes, uploadBytes } = settings
    const { fillsAtOnce, fillsWaiting } = settings
    this.chunkSize = chunkSize
    this.fileSizeLimit = settings.maxFileSize
    this.#keys = new Keys(options.keyPrefix)
    const secrets = toSecrets(options.secret)
    const proofs = new Proofs(secrets.length > 0)
    this.#links = linksOf(engine, this.#keys, new Sealer(secrets), proofs)
    this.#hasher = new Hasher(settings.hashThreads)
    // As much free memory is kept as all reads, or all uploads, may use at the same time.
    const poolOf = (bytes: number) => new BufferPool(chunkSize, Math.ceil(bytes / chunkSize))
    const readPool = poolOf(heldBytes + readBytes)
    const budgets = new Budgets(settings)
    const presence = new Presence(engine, this.#keys, this.#links, budgets)
    const source = new ChunkSource(engine, this.#keys, this.#hasher, readPool)
    const chunks = new SharedChunks(source, hotCache)
    const prover = new Prover(proofs, this.#hasher, readPool, this.#events)
    this.#reading = { chunks, source, budgets, presence, prover, events: this.#events }
    this.#writer = new ChunkWriter(engine, this.#keys, poolOf(uploadBytes), this.#hasher, settings)
    this.#committer = new Committer(this.#links, presence, settings.ttl)
    this.#uploads = new Uploads(budgets, this.#writer, this.#committer, proofs)
    this.#finder = new Finder(this.#links, this.#reading, chunkSize)
    const tools = {
      engine,
      keys: this.#keys,
      finder: this.#finder,
      uploads: this.#uploads,
      committer: this.#committer,
      budgets,
      chunkSize,
      slots: new ByteBudget(fillsAtOnce, fillsWaiting, 'too many files are being produced'),
    }
    this.#filler = new Filler(tools, this.#events, fillsWaiting)
  }

  /** The memory that reads and writes hold now, and how many wait for some. */
  get memoryUsage(): MemoryUsage {
    return this.#reading.budgets.usage
  }

  /**
   * Does `work` that takes about `bytes` of memory, such as that on a list of hashes, once there is room for
   * it in the memory budget. Such work must not start more of its kind; work that may take long may
   * start some that does not.
   * @throws {UnavailableError} when there is no room for 30 seconds, or too many wait for some.
   */
  async withMemory<T>(
    bytes: number,
    work: () => Promise<T>,
    options: WorkOptions = {},
  ): Promise<T> {
    checkWork(bytes, work, options)
    const { kind = 'short', signal } = options
    const lease = await this.#reading.budgets.work(bytes, kind, signal)
    try {
      return await work()
    } finally {
      lease.release()
    }
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
  maxFileSize(): Promise<number> {
    return this.#writer.maxFileSize()
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
    return this.#events.upload(
      async () => (await this.#uploads.putAsAsked(source, options)).receipt,
    )
  }

  /**
   * Stores the chunks of a file; `commit` of what it resolves with makes the links. For several files of
   * which all are to be stored or none, and for names that are known only later.
   *
   * @throws {DigestMismatchError | TooLargeError | InsufficientStorageError | UnavailableError}
   */
  stage(source: Source, options: StageOptions = {}): Promise<StagedFile> {
    return this.#events.upload(() => this.#uploads.stage(source, options))
  }

  /**
   * Gives a name to content that is stored already, as an upload of the same content would. Checks that all
   * chunks are there, without reading them.
   * @param content Its hash, which needs its link by hash; or a file that was found, which needs none.
   * @throws {NotFoundError | EvictedError | CorruptError} when the content could not be served.
   * @throws {ExistsError} with `createOnly`, when a readable file has that name.
   * @throws {UnavailableError}
   * @example await store.link(receipt.hash, { name: 'latest.tar.gz', ttl: 86_400 })
   */
  async link(content: string | Digest | StoredFile, options: LinkOptions): Promise<Receipt> {
    checkLinkOptions(options)
    const hash = toContent(content)
    const commit = this.#committer.validate(options)
    await this.#committer.check(commit)
    const { manifest } = hash instanceof Digest ? await this.find({ hash }) : hash
    // Its chunks have to be in this store, whichever store has found it.
    await this.#finder.open({ manifest, storedAt: 0, ttl: 0 }).probe(options.signal)
    const written = { manifest, copies: Number.POSITIVE_INFINITY }
    return (await this.#committer.link(written, commit)).receipt
  }

  /**
   * Finds a file by name or by hash and checks that all its chunks are there. Their bytes are verified when
   * they are read.
   * @throws {NotFoundError | EvictedError | CorruptError | UnavailableError}
   */
  async get(ref: FileRef, options: GetOptions = {}): Promise<StoredFile> {
    checkGetOptions('get', options)
    const file = await this.find(ref)
    await file.probe(options.signal)
    return file
  }

  /**
   * Finds a file without a look at its chunks: for callers that read it at once.
   * @throws {NotFoundError | CorruptError | UnavailableError}
   */
  async find(ref: FileRef, options: FindOptions = {}): Promise<StoredFile> {
    checkFindOptions(options)
    const parsed = parseRef(ref)
    const found = await this.#finder.find(parsed, options)
    if (found === undefined) throw new NotFoundError(`there is no ${describeRef(parsed)}`)
    return found.file
  }

  /**
   * Finds a file, or has `produce` make and this store it: once for all callers of this process, and once for
   * all processes that share the engine. What is there costs what `find` costs. What is stale is served at
   * once while it is renewed. A failure of `produce` reaches all callers that wait, and stores nothing.
   * @throws {InvalidArgumentError | UnavailableError} and what `produce` throws.
   * @example await store.getOrPut('a.png', () => shrink('a.png'), { ttl: 3600, read: (file) => file.bytes() })
   */
  getOrPut<R = StoredFile>(
    ref: FileRef,
    produce: Produce,
    options?: GetOrPutOptions<StoredFile, R> & { onUnavailable?: 'throw' | undefined },
  ): Promise<R>
  getOrPut<R = StoredFile | ProducedFile>(
    ref: FileRef,
    produce: Produce,
    options: GetOrPutOptions<StoredFile | ProducedFile, R>,
  ): Promise<R>
  getOrPut(
    ref: FileRef,
    produce: Produce,
    options: GetOrPutOptions<StoredFile, unknown> = {},
  ): Promise<unknown> {
    return this.#filler.getOrPut(ref, produce, options)
  }

  /**
   * As `getOrPut`, and tells where the file came from. The caller for whom it is produced gets its bytes as
   * they come, while they are stored.
   */
  fill(ref: FileRef, produce: Produce, options: FillOptions = {}): Promise<Filling> {
    return this.#filler.fill(ref, produce, options)
  }

  /**
   * Returns whether there is such a file, as far as shows without reading its chunks; extends their life.
   * @throws {UnavailableError}
   */
  async isReadable(ref: FileRef, options: GetOptions = {}): Promise<boolean> {
    checkGetOptions('isReadable', options)
    const { presence } = this.#reading
    return (await presence.readableLink(parseRef(ref), options.signal)) !== undefined
  }

  /**
   * Reads and checks every chunk of a file; changes nothing.
   * @throws {NotFoundError | CorruptError | UnavailableError} when there is no link to go by.
   */
  async verify(ref: FileRef, options: GetOptions = {}): Promise<Verification> {
    checkGetOptions('verify', options)
    return (await this.find(ref)).verify(options)
  }

  /**
   * Reads every copy of a file's link and chunks, and writes those again that are missing,
   * outdated or wrong, where another copy is right. A chunk without a right copy needs a new upload.
   * @throws {NotFoundError | CorruptError | UnavailableError} when there is no link to go by.
   */
  async repair(ref: FileRef, options: GetOptions = {}): Promise<Repair> {
    checkGetOptions('repair', options)
    const parsed = parseRef(ref)
    const { link, copies } = await this.#links.repair(parsed)
    if (link === undefined) throw new NotFoundError(`there is no ${describeRef(parsed)}`)
    return { ...(await repairChunks(link.manifest, this.#reading, options.signal)), link: copies }
  }

  /**
   * Returns which of these contents could not be served by hash; each at most once, in the order given.
   * Extends the life of those that could.
   * @throws {InvalidArgumentError | UnavailableError}
   */
  async missing(hashes: Iterable<string | Digest>, options: GetOptions = {}): Promise<string[]> {
    checkGetOptions('missing', options)
    checkList('hashes', hashes)
    const { signal } = options
    const digests = new Map<string, Digest>()
    for (const hash of hashes) {
      const digest = toDigest(hash)
      digests.set(digest.hex, digest)
    }
    const ended = signal && AbortSignal.any([signal])
    if (ended) setMaxListeners(LOOKUPS, ended) // Each look-up of a large file listens.
    const { presence } = this.#reading
    const missing = new Set(digests.keys())
    const large: Digest[] = []
    const look = async (digest: Digest, takesLarge: boolean) => {
      ended?.throwIfAborted()
      const ref = { hash: digest }
      const link = await this.#links.readUnlessCorrupt(ref)
      if (link === undefined) return
      if (!takesLarge && isLarge(link.manifest)) return void large.push(digest)
      const isThere = (await presence.lookFor(link.manifest, ended)) === 0
      if (isThere && (await this.#links.renew(ref, link))) missing.delete(digest.hex)
    }
    await pMap(digests.values(), (digest) => look(digest, false), { concurrency: LOOKUPS })
    // One after the other, which is as fast: their chunks are looked for side by side.
    for (const digest of large) await look(digest, true)
    return [...missing]
  }

  /**
   * Removes the link by name, or the link by hash; resolves with whether there was one. No other
   * link is touched. Chunks may be shared with other files and are left to the engine, unless
   * `purge` asks to remove them as well.
   * @throws {UnavailableError}
   */
  async delete(ref: FileRef, options: DeleteOptions = {}): Promise<boolean> {
    checkDeleteOptions(options)
    const { purge = false, only } = options
    const parsed = parseRef(ref)
    const link = purge ? await this.#links.readUnlessCorrupt(parsed) : undefined
    const isMeant = (link: Link) => only === undefined || isFoundBy(only, link)
    const isFilled = await this.#isFilled(parsed)
    const wasThere = await this.#links.delete(parsed, isFilled, only && isMeant)
    const isOther = only !== undefined && !wasThere
    // A fill that began in between may have looked before the link was removed.
    if (!isFilled && !isOther && (await this.#isFilled(parsed))) {
      await this.#links.keepDeleted(parsed)
    }
    const remove = ({ digest, near }: Chunk) =>
      this.engine.delete(this.#keys.chunk(digest), { near: this.#keys.chunk(near) })
    await pMap(link && !isOther && isMeant(link) ? link.manifest.chunks() : [], remove, {
      concurrency: LOOKUPS,
    })
    return wasThere
  }

  /** Whether a process may be producing the file under that name. */
  async #isFilled(ref: ParsedRef): Promise<boolean> {
    return ref.name !== undefined && FillLease.isTaken(this.engine, this.#keys.lease(ref))
  }

  /** Tells `observer` of everything that happens from now on. */
  observe(observer: StoreObserver): void {
    this.#events.add(observer)
  }

  /** Ends what is under way and closes the engine. Idempotent. */
  async close(): Promise<void> {
    await this.#filler.close()
    await this.engine.close()
    await this.#hasher.close()
  }
}

function checkEngine(engine: unknown): void {
  const { get, set, maxValueSize, look, replace } = (engine ?? {}) as Record<string, unknown>
  const methods = [get, set, maxValueSize, look ?? replace]
  if (methods.every((method) => typeof method === 'function')) return
  const address = typeof engine === 'string' ? JSON.stringify(engine) : "'127.0.0.1:11211'"
  throw new InvalidArgumentError(
    `a FileStore takes an engine: new FileStore(memcached(${address})) or new FileStore(memory())`,
    { expected: 'an engine', actual: engine === null ? 'null' : typeof engine },
  )
}
