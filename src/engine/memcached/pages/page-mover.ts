import type { Commands } from '../commands.ts'
import type { MemcachedSettings } from '../options.ts'
import { Claim } from './claim.ts'
import { decideMoves, type Look, RESTED_SECONDS } from './moves.ts'
import { Refusal } from './refusal.ts'
import { parseSlabClasses } from './slab-classes.ts'
import type { TextAccess } from './text-connection.ts'
import { transferPages } from './transfer.ts'

/** Milliseconds between two looks while values are stored. */
const PERIOD = 1000
/** Seconds after which an earlier look is too old to compare with. */
const STALE = 3
/**
 * Milliseconds to leave a server alone that refuses to move pages, or that a command might block.
 */
const REFUSED = 3_600_000
/** The same after any other failure. */
const FAILED = 30_000

export const CLAIM_KEY = 'blobcached:page-mover'
/**
 * Longer than a class that was given pages gives none away. Another process does not know of that,
 * so it must not get the claim sooner. Memcached counts whole seconds.
 */
const CLAIM_SECONDS = RESTED_SECONDS + 2

/**
 * Moves memory to the sizes of values that need it. Memcached gives memory to classes of sizes by
 * the page and moves one page a second at most, so small files that follow large ones would evict
 * each other for minutes. Looks once a second while values are stored. Its failures have no effect
 * on anything else.
 */
export class PageMover {
  readonly #commands: Commands
  readonly #access: TextAccess
  readonly #claim: Claim
  readonly #closing = new AbortController()
  readonly #fedAt = new Map<number, number>()
  readonly #barrenAt = new Map<number, number>()
  #before: Look | undefined
  /** Set until the next look, during one, and during a pause after a failure. */
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<void> | undefined

  constructor(commands: Commands, settings: MemcachedSettings) {
    this.#commands = commands
    this.#access = { commands, settings, signal: this.#closing.signal }
    this.#claim = new Claim(commands, CLAIM_KEY, CLAIM_SECONDS)
  }

  /** Tells that a value is being stored. */
  stored(): void {
    this.#timer ??= setTimeout(() => this.#awake(), PERIOD).unref()
  }

  /** Ends what is under way. Resolves once the commands are closed too. */
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

  /** Waits for something to be stored after the pause. */
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
    if (!this.#commands.isConnected) return
    const before = this.#before
    const now = await this.#see()
    this.#before = now
    if (before === undefined || now.at - before.at > STALE) return
    const moves = decideMoves(before, now, { fedAt: this.#fedAt, barrenAt: this.#barrenAt })
    // A process that has just got the claim moves nothing before its next look: this one compares
    // with a time when another process moved pages.
    if (moves.length === 0 || (await this.#claim.hold()) !== 'kept') return
    await transferPages(this.#access, moves, {
      fed: (id) => this.#fedAt.set(id, now.at),
      barren: (id) => this.#barrenAt.set(id, now.at),
    })
  }

  async #see(): Promise<Look> {
    const [items, slabs] = await Promise.all([
      this.#commands.stats('items'),
      this.#commands.stats('slabs'),
    ])
    return { at: performance.now() / 1000, classes: parseSlabClasses(items, slabs) }
  }
}

/** Returns for how many milliseconds to leave a server alone. */
export function pauseAfter(error: unknown): number {
  return error instanceof Refusal ? REFUSED : FAILED
}
