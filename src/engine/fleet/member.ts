import { UnavailableError } from '../../errors.ts'
import {
  type EngineStats,
  KeyUnavailableError,
  type ServerEngine,
  type SetOptions,
} from '../engine.ts'
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

/** Whether the server itself does not answer. */
const isOutage = (error: unknown): error is UnavailableError =>
  error instanceof UnavailableError && !(error instanceof KeyUnavailableError)

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
      if (isOutage(error)) this.#putAside(error)
      throw error
    } finally {
      this.inFlight--
    }
  }

  /**
   * As `use`, for what other servers can do instead: rejects when it takes unusually long. The
   * server may still do it then.
   * @param options.bytes Bytes that are sent.
   * @param options.onLate Called when the server still does it, with what tells when and whether it did.
   */
  useInTime<R>(
    work: (engine: ServerEngine) => Promise<R>,
    { bytes = 0, onLate }: { bytes?: number; onLate?: SetOptions['lingering'] } = {},
  ): Promise<R> {
    this.bytesUnderWay += bytes
    const working = this.use(work)
    return this.#inTime(working, (isInTime) => {
      if (isInTime) this.bytesUnderWay -= bytes
      else {
        const end = (isDone: boolean) => {
          this.bytesUnderWay -= bytes
          return isDone
        }
        const ended = working.then(
          () => end(true),
          () => end(false),
        )
        onLate?.(ended)
      }
    })
  }

  /** @param onEnd Called once, with whether `working` has ended before it was late. */
  #inTime<R>(working: Promise<R>, onEnd: (isInTime: boolean) => void = () => {}): Promise<R> {
    return new Promise((resolve, reject) => {
      let isLate = false
      const wait = this.#patience.begin(this, (error) => {
        isLate = true
        onEnd(false)
        this.#putAside(error)
        reject(error)
      })
      const end = () => {
        if (isLate) return
        this.#patience.end(this, wait)
        onEnd(true)
      }
      working.then(
        (result) => {
          end()
          resolve(result)
        },
        (error) => {
          end()
          reject(error)
        },
      )
    })
  }

  /** As `Engine.maxValueSize`; asks once for each connection. */
  async maxValueSize(keyLength: number, usual?: number): Promise<number> {
    if (this.#limit?.keyLength === keyLength) return this.#limit.value
    const value = await this.use((engine) => engine.maxValueSize(keyLength, usual))
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
          await this.#inTime(this.engine.ping())
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
