import { UnavailableError } from '../../errors.ts'
import type { EngineStats, ServerEngine } from '../engine.ts'
import { Latency } from './latency.ts'
import { Load } from './load.ts'
import { MissedWrites } from './missed-writes.ts'
import type { Place } from './placement.ts'

/** Milliseconds until a server that failed is asked again; doubles from the first to the second. */
const PROBE_MIN_MS = 25
const PROBE_MAX_MS = 250
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
  readonly missed = new MissedWrites()
  repairedCopies = 0
  readonly #onReturn: (member: Member) => void
  #outage: UnavailableError | undefined
  #recoveringUntil = 0
  #probe: NodeJS.Timeout | undefined
  #closed = false
  #limit: { keyLength: number; value: number } | undefined

  /** @param onReturn Called when it answers again after it was aside. */
  constructor({ name, weight, engine }: Server, onReturn: (member: Member) => void) {
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
    this.#probeIn(PROBE_MIN_MS)
  }

  /** Jittered, so that many clients do not ask in step; keeps no process alive. */
  #probeIn(ms: number): void {
    this.#probe = setTimeout(
      async () => {
        try {
          await this.engine.ping()
          this.startRecovery()
          this.#outage = undefined
          this.#onReturn(this)
        } catch {
          if (!this.#closed) this.#probeIn(Math.min(ms * 2, PROBE_MAX_MS))
        }
      },
      ms * (0.5 + Math.random() / 2),
    ).unref()
  }
}
