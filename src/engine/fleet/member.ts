import { UnavailableError } from '../../errors.ts'
import { type Engine, type EngineStats, KeyUnavailableError } from '../engine.ts'
import { Latency } from './latency.ts'
import { Load } from './load.ts'
import { MissedWrites } from './missed-writes.ts'
import type { Place } from './placement.ts'

/**
 * Milliseconds until a server that failed is probed: the first pause, which doubles up to the
 * second.
 */
const PROBE_MIN_MS = 25
const PROBE_MAX_MS = 250
/** Milliseconds for which a server that came back is expected to lack copies. */
const RECOVERY_MS = 10 * 60_000
/**
 * Milliseconds between checks of a removed server for work under way, and until it is closed
 * anyway.
 */
const DRAIN = { poll: 20, most: 10_000 }

/** Whether the server itself does not answer. */
const isOutage = (error: unknown): error is UnavailableError =>
  error instanceof UnavailableError && !(error instanceof KeyUnavailableError)

export interface Server extends Place {
  readonly engine: Engine
}

/**
 * One server of a fleet. The first failure puts it aside, so that no other request waits for it; it
 * is probed in the background until it answers again.
 */
export class Member implements Place {
  readonly name: string
  weight: number
  readonly engine: Engine
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

  /** Expects it to lack copies, for some time from now on. */
  startRecovery(): void {
    this.#recoveringUntil = performance.now() + RECOVERY_MS
    this.#limit = undefined
  }

  /** Does `work` with the server, and puts the server aside when it does not answer. */
  async use<R>(work: (engine: Engine) => Promise<R>): Promise<R> {
    this.inFlight++
    this.load.add()
    try {
      return await work(this.engine)
    } catch (error) {
      if (isOutage(error)) this.#putAside(error)
      throw error
    } finally {
      this.inFlight--
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
    this.#probeIn(PROBE_MIN_MS)
  }

  /** Probes after about `ms`, with jitter so that many clients do not probe in step. */
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
