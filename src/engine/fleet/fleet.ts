import { InvalidArgumentError, type UnavailableError } from '../../errors.ts'
import type {
  CopyOptions,
  DeleteOptions,
  Engine,
  EngineObserver,
  EngineStats,
  GetOptions,
  Proof,
  SetOptions,
  Versions,
} from '../engine.ts'
import { checkKey } from '../key.ts'
import type { Copy, Lack } from './answers.ts'
import { unavailable } from './answers.ts'
import { askAll, throwIfUnsure } from './ask-all.ts'
import { handOver } from './hand-over.ts'
import { HedgeBudget } from './hedge-budget.ts'
import { Member, type Server } from './member.ts'
import { Placement } from './placement.ts'
import { Reading } from './reading.ts'
import { repairKey } from './repair-key.ts'
import { Repairs } from './repairs.ts'
import { Seats } from './seats.ts'
import { addCopies, setCopies } from './writing.ts'

export interface FleetOptions {
  /** Servers that each key lives on, 1 to the number of servers. Default 1. */
  replicas?: number | undefined
}

/**
 * Spreads keys over servers, each key on `replicas` of them, and keeps the copies equal: a copy
 * that proves itself is right, and those that are missing or wrong are written again. Clients of
 * one fleet need the same names and weights of servers, and share nothing else. See
 * docs/operations.md.
 */
export class Fleet implements Engine {
  readonly #replicas: number
  readonly #observers: EngineObserver[] = []
  readonly #hedges = new HedgeBudget()
  readonly #repairs = new Repairs((member, key) => this.#tellRepaired(member, key))
  readonly #onReturn = (member: Member) => void this.#handOver(member)
  #members: readonly Member[]
  #placement: Placement<Member>
  /** Servers that were removed and still have work under way. */
  readonly #leaving = new Set<Member>()

  /** @throws {InvalidArgumentError} for fewer servers than replicas. */
  constructor(servers: readonly Server[], { replicas = 1 }: FleetOptions = {}) {
    checkReplicas(replicas, servers)
    this.#replicas = replicas
    this.#members = servers.map((server) => new Member(server, this.#onReturn))
    this.#placement = new Placement(this.#members)
  }

  /** The servers' names, sorted. */
  get servers(): string[] {
    return this.#members.map(({ name }) => name).sort()
  }

  async get<T>(key: string, prove: Proof<T>, options: GetOptions<T> = {}): Promise<T | undefined> {
    const seats = this.#seats(key, options.versions !== undefined)
    return new Reading(seats, key, prove, options, {
      hedges: this.#hedges,
      tolerated: this.#tolerated(options.versions),
      lacking: (best, lacks) => this.#repairLater(key, best, lacks, options.versions),
    }).run()
  }

  async set(key: string, value: Buffer, options: SetOptions = {}): Promise<number> {
    const { seats, inner } = await this.#change(key, options)
    const copies = await setCopies(seats, key, value, inner)
    return this.#written(key, copies, seats)
  }

  async add(key: string, value: Buffer, options: SetOptions = {}): Promise<number> {
    const { seats, inner } = await this.#change(key, options)
    const copies = await addCopies(seats, key, value, inner)
    return copies === 0 ? 0 : this.#written(key, copies, seats)
  }

  async touch(key: string, ttl: number, { extraCopy = false }: CopyOptions = {}): Promise<boolean> {
    const seats = this.#seats(key, extraCopy)
    const touch = (engine: Engine) => engine.touch(key, ttl)
    const holders = new Set(seats.holders)
    const readable = seats.readable()
    const touched = await askAll(
      readable.filter((member) => holders.has(member)),
      touch,
    )
    if (touched.yes) return true
    const others = await askAll(
      readable.filter((member) => !holders.has(member)),
      touch,
    )
    if (others.yes) return true
    throwIfUnsure(seats, touched, extraCopy ? this.#replicas - 1 : 0)
    return false
  }

  async delete(key: string, options: DeleteOptions = {}): Promise<boolean> {
    const { extraCopy = false, tombstone } = options
    const { seats } = await this.#change(key, { extraCopy })
    for (const { missed } of seats.ranked) missed.forget(key)
    // On every server: any may have stood in for another one.
    const deleted = await askAll(seats.up(seats.ranked.length), (engine) => engine.delete(key))
    // Another process may have another list of servers, or write again a copy that it has read.
    if (seats.ranked.length > 1 && tombstone !== undefined) {
      const isLeft = seats.ranked.some((member) => !deleted.answered.has(member))
      const { value, ttl } = tombstone({ isLeft })
      await setCopies(seats, key, value, { ttl })
    }
    if (deleted.yes) return true
    throwIfUnsure(seats, deleted, extraCopy ? this.#replicas - 1 : 0)
    return false
  }

  async repair<T>(key: string, prove: Proof<T>, options: GetOptions<T> = {}) {
    const { seats } = await this.#change(key, { extraCopy: options.versions !== undefined })
    const tolerated = this.#tolerated(options.versions)
    return repairKey(seats, key, prove, options, { repairs: this.#repairs, tolerated })
  }

  /** Resolves with the largest value that every server which is up can store. */
  async maxValueSize(keyLength: number): Promise<number> {
    const limits: number[] = []
    let failure: unknown
    const asked = this.#up().map(async (member) => {
      try {
        limits.push(await member.maxValueSize(keyLength))
      } catch (error) {
        failure = error
      }
    })
    await Promise.all(asked)
    if (limits.length === 0) throw failure ?? this.#outage()
    return Math.min(...limits)
  }

  /** Resolves when any server answers. */
  async ping(): Promise<void> {
    const up = this.#up()
    if (up.length === 0) throw this.#outage()
    const pings = up.map((member) => member.use((engine) => engine.ping()))
    await Promise.any(pings).catch((error: AggregateError) => {
      throw error.errors[0]
    })
  }

  async stats(): Promise<EngineStats[]> {
    const weights = this.#members.reduce((sum, { weight }) => sum + weight, 0)
    const loads = this.#members.reduce((sum, { load }) => sum + load.value, 0)
    return Promise.all(
      this.#members.map(async (member) => ({
        ...(await member.stats()),
        weightShare: member.weight / weights,
        loadShare: loads === 0 ? 0 : member.load.value / loads,
      })),
    )
  }

  observe(observer: EngineObserver): void {
    this.#observers.push(observer)
    for (const { engine } of this.#members) engine.observe(observer)
  }

  /**
   * Uses other servers from now on. Servers that stay keep their connections; servers that are
   * removed finish what is under way. A copy moves when it is read.
   * @param servers Called for each name that is new, for its engine.
   * @throws {InvalidArgumentError} for fewer servers than replicas; then nothing changes.
   */
  protected update(servers: readonly (Omit<Server, 'engine'> & { engine: () => Engine })[]): void {
    checkReplicas(this.#replicas, servers)
    const known = new Map(this.#members.map((member) => [member.name, member]))
    this.#members = servers.map(({ name, weight, engine }) => {
      const member = known.get(name)
      known.delete(name)
      if (member !== undefined) {
        member.weight = weight
        return member
      }
      const added = engine()
      for (const observer of this.#observers) added.observe(observer)
      const newcomer = new Member({ name, weight, engine: added }, this.#onReturn)
      newcomer.startRecovery()
      return newcomer
    })
    this.#placement = new Placement(this.#members)
    for (const member of known.values()) {
      this.#leaving.add(member)
      void member.drain().then(() => this.#leaving.delete(member))
    }
  }

  async close(): Promise<void> {
    const members = [...this.#members, ...this.#leaving]
    await Promise.all(members.map((member) => member.close()))
    await this.#repairs.idle()
  }

  #seats(key: string, extraCopy: boolean): Seats {
    checkKey(key)
    return new Seats(this.#placement.rank(key), this.#replicas + (extraCopy ? 1 : 0))
  }

  /**
   * Resolves with where to change a key, once no repair is under way that could undo the change.
   */
  async #change(key: string, { extraCopy = false, ...inner }: SetOptions) {
    const seats = this.#seats(key, extraCopy)
    await this.#repairs.idleFor(key)
    return { seats, inner }
  }

  /**
   * Holders that may not answer while the others are believed that there is no such key. A value
   * with versions has one copy more than `replicas`, so `replicas - 1` of them may be missing.
   */
  #tolerated(versions: Versions<never> | undefined): number {
    return versions === undefined ? 0 : this.#replicas - 1
  }

  #repairLater<T>(
    key: string,
    best: Copy<T>,
    lacks: readonly Lack[],
    versions: Versions<T> | undefined,
  ): void {
    const ttl = versions === undefined ? 0 : versions.ttl(best.proven)
    if (ttl !== undefined) this.#repairs.offer(key, best.value, ttl, lacks)
  }

  /** Writes to a server that is back what it has missed. */
  #handOver(member: Member): Promise<void> {
    return handOver(member, this.#repairs, (key) => this.#placement.rank(key))
  }

  #written(key: string, copies: number, { wanted }: Seats): number {
    if (copies < wanted) {
      for (const observer of this.#observers) observer.degraded?.(key, copies, wanted)
    }
    return copies
  }

  #tellRepaired(member: Member, key: string): void {
    member.repairedCopies++
    for (const observer of this.#observers) observer.repaired?.(member.name, key)
  }

  #up(): Member[] {
    return this.#members.filter((member) => member.isUp)
  }

  #outage(): UnavailableError {
    return unavailable(new Seats(this.#members, this.#members.length))
  }
}

function checkReplicas(replicas: number, servers: readonly unknown[]): void {
  if (Number.isSafeInteger(replicas) && replicas >= 1 && replicas <= servers.length) return
  throw new InvalidArgumentError(
    `replicas is a whole number from 1 to the number of servers, ${servers.length}`,
    { expected: `1 to ${servers.length}`, actual: String(replicas) },
  )
}
