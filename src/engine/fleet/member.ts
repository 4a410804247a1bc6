import { UnavailableError } from '../../errors.ts'
import type { EngineStats, ServerEngine, SetOptions } from '../engine.ts'
import { Latency } from './latency.ts'
import { Load } from './load.ts'
import { MissedWrites } from './missed-writes.ts'
import type { Patience } from './patience.ts'
import type { Place } from './placement.ts'

/** Milliseconds until a server that failed is asked again; doubles from the first to the second. */
const PROBE_MIN_MS = 25
const PROBE_MAX_MS = 250
/**
 * A server that fails again within so many milliseconds of its return has to answer twice as often in a
 * row until it is believed, up to `most`.
 */
const FLAPPING = { withinMs: 30_000, most: 16 }
/** Milliseconds for which a server that came back is taken to lack copies. */
const RECOVERY_MS = 10 * 60_000
/** Milliseconds between two looks at a removed server that has work under way, and until it is cut. */
const DRAIN = { poll: 20, most: 10_000 }

export interface Server extends Place {
  readonly engine: ServerEngine
}

/**
 * One server of a fleet. The first failure puts it aside, so that it costs nobody else anything,
 * and from then on it is asked in the background whether it is back.
 */
export class Member implements Place {
  readonly name: string
  weight: number
  readonly engine: ServerEngine
  readonly latency = new Latency()
  readonly load = new Load()
  /** Operations under way. */
  inFlight = 0
  /** Bytes of writes that it has not taken yet. */
  bytesUnderWay = 0
  /** When those that are not reads began, on the clock of `performance.now()`; the oldest is the first. */
  readonly #began = new Set<{ at: number }>()
  readonly #patience: Patience
  readonly missed = new MissedWrites()
  repairedCopies = 0
  readonly #onReturn: (member: Member) => void
  #outage: UnavailableError | undefined
  #recoveringUntil = 0
  #returnedAt = Number.NEGATIVE_INFINITY
  /** Answers in a row that it takes to be believed. */
  #answersNeeded = 1
  #probe: NodeJS.Timeout | undefined
  #closed = false
  #limit: { keyLength: number; value: number } | undefined

  /** @param onReturn Called when it answers again after it was aside. */
  constructor(
    { name, weight, engine }: Server,
    patience: Patience,
    onReturn: (member: Member) => void,
  ) {
    this.#patience = patience
    this.#onReturn = onReturn
    this.name = name
    this.weight = weight
    this.engine = engine
    // Another connection may lead to another server: an empty one, or one with other limits.
    let wasConnected = false
    engine.observe({
      connection: (_server, state) => {
        if (state !== 'up') return
        if (wasConnected) this.startRecovery()
        wasConnected = true
      },
    })
  }

  get isUp(): boolean {
    return this.#outage === undefined
  }

  /** Why it is aside. */
  get outage(): UnavailableError | undefined {
    return this.#outage
  }

  /** Whether it may have lost, or missed, copies that it should have. */
  get isRecovering(): boolean {
    return performance.now() < this.#recoveringUntil
  }

  /** From now on, for some time, it is expected to lack copies. */
  startRecovery(): void {
    this.#recoveringUntil = performance.now() + RECOVERY_MS
    this.#limit = undefined
  }

  /** Does something with the server, and puts it aside when it does not answer. */
  async use<R>(work: (engine: ServerEngine) => Promise<R>): Promise<R> {
    this.inFlight++
    this.load.add()
    try {
      return await work(this.engine)
    } catch (error) {
      if (error instanceof UnavailableError) this.#putAside(error)
      throw error
    } finally {
      this.inFlight--
    }
  }

  /** How long the oldest of those that are not reads has been under way. */
  get waitingMs(): number {
    for (const { at } of this.#began) return performance.now() - at
    return 0
  }

  /**
   * As `use`, for what others can do instead: rejects when it takes unusually long. The server may still do
   * it then.
   * @param options.bytes Those that are sent.
   * @param options.onLate Called when the server still does it, with what tells when and whether it did.
   */
  async useInTime<R>(
    work: (engine: ServerEngine) => Promise<R>,
    { bytes = 0, onLate }: { bytes?: number; onLate?: SetOptions['lingering'] } = {},
  ): Promise<R> {
    const began = { at: performance.now() }
    this.#began.add(began)
    this.bytesUnderWay += bytes
    const working = this.use(work)
    const end = () => {
      this.#began.delete(began)
      this.bytesUnderWay -= bytes
    }
    working.then(end, end)
    try {
      return await this.#patience.limit(this, working)
    } catch (error) {
      const isDone = working.then(
        () => true,
        () => false,
      )
      if (this.#began.has(began)) onLate?.(isDone)
      if (error instanceof UnavailableError) this.#putAside(error)
      throw error
    }
  }

  /** As `Engine.maxValueSize`, asked once a connection. */
  async maxValueSize(keyLength: number): Promise<number> {
    if (this.#limit?.keyLength === keyLength) return this.#limit.value
    const value = await this.use((engine) => engine.maxValueSize(keyLength))
    this.#limit = { keyLength, value }
    return value
  }

  async stats(): Promise<EngineStats> {
    const [stats] = this.#outage === undefined ? await this.engine.stats() : []
    const { missed, repairedCopies, latency } = this
    return {
      ...(stats ?? { server: this.name, up: false, error: this.#outage!.message }),
      ...(latency.usual !== undefined && { usualSeconds: latency.usual / 1000 }),
      missedCopies: missed.total,
      repairedCopies,
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#probe)
    await this.engine.close()
  }

  /** Closes it when what is under way has ended. */
  async drain(): Promise<void> {
    const deadline = performance.now() + DRAIN.most
    while (this.inFlight > 0 && !this.#closed && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, DRAIN.poll).unref())
    }
    await this.close()
  }

  #putAside(error: UnavailableError): void {
    if (this.#outage !== undefined || this.#closed) return
    this.#outage = error
    const isFlapping = performance.now() - this.#returnedAt < FLAPPING.withinMs
    this.#answersNeeded = isFlapping ? Math.min(2 * this.#answersNeeded, FLAPPING.most) : 1
    this.#probeIn(PROBE_MIN_MS, this.#answersNeeded)
  }

  /**
   * Jittered, so that many clients do not ask in step; keeps no process alive.
   * @param needed Answers that it still takes.
   */
  #probeIn(ms: number, needed: number): void {
    this.#probe = setTimeout(
      async () => {
        try {
          await this.#patience.limit(this, this.engine.ping())
          if (needed > 1) this.#probeIn(PROBE_MIN_MS, needed - 1)
          else this.#return()
        } catch {
          if (!this.#closed) this.#probeIn(Math.min(ms * 2, PROBE_MAX_MS), this.#answersNeeded)
        }
      },
      ms * (0.5 + Math.random() / 2),
    ).unref()
  }

  #return(): void {
    this.startRecovery()
    this.#returnedAt = performance.now()
    this.#outage = undefined
    this.#onReturn(this)
  }
}
