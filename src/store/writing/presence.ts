import pLimit from 'p-limit'
import pMap from 'p-map'
import type { Digest } from '../../digest.ts'
import type { Engine } from '../../engine/engine.ts'
import type { ParsedRef } from '../file-ref.ts'
import type { Budgets } from '../memory/budgets.ts'
import type { Keys } from '../records/keys.ts'
import type { Link } from '../records/link.ts'
import type { Links } from '../records/links.ts'
import type { Chunk, Manifest } from '../records/manifest.ts'

/**
 * Touches under way at once, of one file and in all: enough to fill the pipeline, few enough for the line of
 * an engine, and so many more in all that a small file does not wait for all the chunks of large ones.
 */
const MAX_TOUCHES = { ofFile: 128, inAll: 1024 }

/** Bytes for each chunk of a large file while it is looked at: its hash, and what is noted of it. */
const COST = 64

/**
 * Tells which chunks are there, as far as that shows without reading them. A touch both asks and extends the
 * life of the chunk.
 */
export class Presence {
  readonly #engine: Engine
  readonly #keys: Keys
  readonly #links: Links
  readonly #budgets: Pick<Budgets, 'look'>
  /** Shared by all files: many large ones at once are more than an engine lets wait in line. */
  readonly #limit = pLimit(MAX_TOUCHES.inAll)

  constructor(engine: Engine, keys: Keys, links: Links, budgets: Pick<Budgets, 'look'>) {
    this.#budgets = budgets
    this.#engine = engine
    this.#keys = keys
    this.#links = links
  }

  /** The link of a file all of whose chunks are there, if there is one. */
  async readableLink(ref: ParsedRef, signal?: AbortSignal): Promise<Link | undefined> {
    const link = await this.#links.readUnlessCorrupt(ref)
    if (link === undefined || (await this.lookFor(link.manifest, signal)) > 0) return undefined
    return link
  }

  /**
   * As `countMissing`, for a file of which nothing else is held in memory.
   * @throws {UnavailableError} when too many large files are looked at.
   */
  async lookFor(manifest: Manifest, signal?: AbortSignal): Promise<number> {
    if (!isLarge(manifest)) return this.countMissing(manifest, signal)
    const lease = await this.#budgets.look(manifest.chunkCount * COST, signal)
    try {
      return await this.countMissing(manifest, signal)
    } finally {
      lease.release()
    }
  }

  /** Counts the chunks that are gone. An abort of `signal` ends the wait at once. */
  async countMissing(manifest: Manifest, signal?: AbortSignal): Promise<number> {
    const touch = (digest: Digest, near: Digest) =>
      this.#engine.touch(this.#keys.chunk(digest), 0, { near: this.#keys.chunk(near) })
    if (manifest.chunkCount === 1) {
      return (await touch(manifest.digest, manifest.digest)) ? 0 : 1
    }
    let missing = 0
    const probe = async ({ digest, near }: Chunk) => {
      signal?.throwIfAborted()
      if (!(await touch(digest, near))) missing++
    }
    await pMap(manifest.chunks(), (chunk) => this.#limit(probe, chunk), {
      concurrency: MAX_TOUCHES.ofFile,
      signal,
    })
    return missing
  }
}

/** Returns whether to look for the chunks takes memory to speak of. */
export function isLarge({ chunkCount }: Manifest): boolean {
  return chunkCount > MAX_TOUCHES.ofFile
}
