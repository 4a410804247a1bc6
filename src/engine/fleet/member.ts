import { UnavailableError } from '../../errors.ts'
import type { EngineStats, ServerEngine, SetOptions } from '../engine.ts'
import { Latency } from './latency.ts'
import { Load } from './load.ts'
import { MissedWrites } from './missed-writes.ts'
import type { Patience } from './patience.ts'
import type { Place } from './placement.ts'

/**
 * Milliseconds until a server that failed is probed: the first pause, which doubles up to the
 * second.
 */
const PROBE_MIN_MS = 25
const PROBE_MAX_MS = 250
/**
 * A server that fails again within `withinMs` milliseconds of its return has to answer twice as
 * many probes in a row as before until it is used again, up to `most`.
 */
const FLAPPING = { withinMs: 30_000, most: 16 }
/** Milliseconds for which a server that came back is expected to lack copies. */
const RECOVERY_MS = 10 * 60_000
/**
 * Milliseconds between checks of a removed server for work under way, and until it is closed
 * anyway.
 */
const DRAIN = { poll: 20, most: 10_000 }

export interface Server extends Place {
  readonly engine: ServerEngine
}

/**
 * One server of a fleet. The first failure puts it aside, so that no other request waits for it; it
 * is probed in the background until it answers again.
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

  /** Expects it to lack copies, for some time from now on. */
  startRecovery(): void {
    this.#recoveringUntil = performance.now() + RECOVERY_MS
    this.#limit = undefined
  }

  /** Does `work` with the server, and puts the server aside when it does not answer. */
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

  /** Milliseconds for which the oldest operation that is not a read has been under way. */
  get waitingMs(): number {
    for (const { at } of this.#began) return performance.now() - at
    return 0
  }

  /**
   * As `use`, for what other servers can do instead: rejects when it takes unusually long. The
   * server may still do it then.
   * @param options.bytes Bytes that are sent.
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

  /** As `Engine.maxValueSize`; asks once for each connection. */
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

  /** Closes it once its work under way has ended. */
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
   * Probes after about `ms`, with jitter so that many clients do not probe in step.
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
