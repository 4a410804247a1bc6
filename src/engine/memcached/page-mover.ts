import type { Client } from './client.ts'
import type { ConnectionConfig } from './connection.ts'
import { Lease } from './lease.ts'
import { decideMoves, type Look, RESTED_SECONDS } from './page-moves.ts'
import { transferPages } from './page-transfer.ts'
import { Refusal } from './refusal.ts'
import { parseSlabClasses } from './slab-classes.ts'

/** Milliseconds between two looks while values are stored. */
const PERIOD = 1000
/** Seconds after which an earlier look tells nothing about what goes on now. */
const STALE = 3
/** Milliseconds to leave a server alone that refuses to move pages, or might be held up by a question. */
const REFUSED = 3_600_000
/** The same after any other failure. */
const FAILED = 30_000

export const LEASE_KEY = 'blobcached:page-mover'
/**
 * Longer than a class rests that was given pages: others know nothing of that, and get the lease when
 * it has rested. Memcached counts whole seconds.
 */
const LEASE_SECONDS = RESTED_SECONDS + 2

/**
 * Gives memory to the sizes that need it. Memcached gives it to classes of sizes by the page, and moves
 * one page a second at most from one to another, so small files that follow large ones would push
 * each other out for minutes. It looks once a second while values are stored, and never otherwise;
 * what goes wrong concerns nobody else.
 */
export class PageMover {
  readonly #client: Client
  readonly #config: ConnectionConfig
  readonly #lease: Lease
  readonly #closing = new AbortController()
  readonly #fedAt = new Map<number, number>()
  readonly #barrenAt = new Map<number, number>()
  #before: Look | undefined
  /** Set while there is a reason not to look, or to wait before the next look. */
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<void> | undefined

  constructor(client: Client, config: ConnectionConfig) {
    this.#client = client
    this.#config = config
    this.#lease = new Lease(client, LEASE_KEY, LEASE_SECONDS)
  }

  /** A value is being stored. */
  stored(): void {
    this.#timer ??= setTimeout(() => this.#awake(), PERIOD).unref()
  }

  /** Resolves when nothing is under way any more, once the client is closed too. */
  async close(): Promise<void> {
    this.#closing.abort()
    this.stored()
    clearTimeout(this.#timer)
    await this.#looking
  }

  #awake(): void {
    this.#looking = this.#look()
      .then(() => 0, pauseAfter)
      .then((pause) => this.#rest(pause))
  }

  /** Looks again no sooner than when something is stored after the pause. */
  #rest(pause: number): void {
    this.#looking = undefined
    if (this.#closing.signal.aborted) return
    const ready = () => {
      this.#timer = undefined
    }
    if (pause > 0) this.#timer = setTimeout(ready, pause).unref()
    else ready()
  }

  /** @throws {ConnectionError | Refusal} when there is no use in another look for some time. */
  async #look(): Promise<void> {
    // A server that is gone is for others to find out about.
    if (!this.#client.isConnected) return
    const before = this.#before
    const now = await this.#see()
    this.#before = now
    if (before === undefined || now.at - before.at > STALE) return
    const moves = decideMoves(before, now, { fedAt: this.#fedAt, barrenAt: this.#barrenAt })
    // Who has just got the lease begins with this look: what another one did counts no more in the next.
    if (moves.length === 0 || (await this.#lease.hold()) !== 'kept') return
    const access = { client: this.#client, config: this.#config, signal: this.#closing.signal }
    await transferPages(access, moves, {
      fed: (id) => this.#fedAt.set(id, now.at),
      barren: (id) => this.#barrenAt.set(id, now.at),
    })
  }

  async #see(): Promise<Look> {
    const [items, slabs] = await Promise.all([
      this.#client.figures('items'),
      this.#client.figures('slabs'),
    ])
    return { at: performance.now() / 1000, classes: parseSlabClasses(items, slabs) }
  }
}

/** Milliseconds to leave a server alone. */
export function pauseAfter(error: unknown): number {
  return error instanceof Refusal ? REFUSED : FAILED
}
