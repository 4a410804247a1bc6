import { LRUCache } from 'lru-cache'
import type { UnavailableError } from '../../errors.ts'
import type {
  CopyOptions,
  Engine,
  EngineObserver,
  EngineStats,
  GetOptions,
  PlaceOptions,
  Predecessors,
  Proof,
  ReplaceOptions,
  ServerEngine,
  SetOptions,
  Successor,
  Versions,
} from '../engine.ts'
import { checkKey } from '../key.ts'
import { unavailable } from './answers.ts'
import { askAll, throwIfUnsure } from './ask-all.ts'
import { handOver } from './hand-over.ts'
import { Heat } from './heat.ts'
import { HedgeBudget } from './hedge-budget.ts'
import { Member, type Server } from './member.ts'
import { checkReplicas, checkWriteQuorum, type FleetOptions } from './options.ts'
import { Patience } from './patience.ts'
import { Placement } from './placement.ts'
import { Reading } from './reading.ts'
import { repairKey } from './repair-key.ts'
import { Repairs, toRepair } from './repairs.ts'
import { Replacing } from './replacing.ts'
import { majority, type Quorum, Seats } from './seats.ts'
import { Waits } from './waits.ts'
import { addCopies, setCopies } from './writing.ts'

const GiB = 1024 ** 3
const PATIENCE_MS = 400
const HEDGE_TICK_MS = 10
/** Keys of which the newest version that was seen is remembered: some 3 MB. */
const MAX_VERSIONS = 16_384

/**
 * Spreads keys over servers, each key on `replicas` of them, and keeps the copies equal: a copy
 * that proves itself is right, and those that are missing or wrong are written again. Clients of
 * one fleet need the same names and weights of servers, and share nothing else. See
 * docs/operations.md.
 */
export class Fleet implements Engine {
  readonly #replicas: number
  readonly #writeQuorum: number | undefined
  readonly #newest = new LRUCache<string, number>({ max: MAX_VERSIONS })
  readonly #observers: EngineObserver[] = []
  readonly #heat: Heat
  readonly #patience: Patience
  readonly #hedges = new HedgeBudget()
  readonly #hedgeWaits = new Waits(HEDGE_TICK_MS)
  readonly #repairs = new Repairs((member, key) => this.#tellRepaired(member, key))
  readonly #onReturn = (member: Member) => void this.#handOver(member)
  #members: readonly Member[]
  #placement: Placement<Member>
  /** Servers that were removed and still have work under way. */
  readonly #leaving = new Set<Member>()

  /** @throws {InvalidArgumentError} for fewer servers than replicas, or an option out of its range. */
  constructor(
    servers: readonly Server[],
    { replicas = 1, writeQuorum, sharedBytes = GiB, patienceMs = PATIENCE_MS }: FleetOptions = {},
  ) {
    checkReplicas(replicas, servers)
    checkWriteQuorum(writeQuorum, replicas)
    this.#replicas = replicas
    this.#writeQuorum = writeQuorum
    this.#heat = new Heat(sharedBytes)
    this.#patience = new Patience(patienceMs, () => this.#members)
    this.#members = servers.map((server) => new Member(server, this.#patience, this.#onReturn))
    this.#placement = new Placement(this.#members)
  }

  /** The servers' names, sorted. */
  get servers(): string[] {
    return this.#members.map(({ name }) => name).sort()
  }

  get copies(): number {
    return this.#replicas
  }

  placesOf(key: string, { near = key }: PlaceOptions = {}): number[] {
    const holders = this.#placement.rank(near).slice(0, this.#replicas)
    return holders.map((member) => this.#members.indexOf(member))
  }

  async get<T>(key: string, prove: Proof<T>, options: GetOptions<T> = {}): Promise<T | undefined> {
    const { versions, near = key } = options
    const seats = this.#seats(
      key,
      { near, extraCopy: versions !== undefined },
      this.#heat.sharing(near),
    )
    // What is written while this read is under way it need not find.
    const known = versions && this.#newest.get(key)
    return new Reading(seats, key, prove, options, {
      hedges: this.#hedges,
      waits: this.#hedgeWaits,
      tolerated: this.#tolerated(versions),
      isOutdated: (best, copies) => {
        if (versions === undefined) return false
        const version = versions.of(best.proven)
        if (known === version) return false
        if (copies >= seats.quorum.write) this.#learn(key, version)
        return known !== undefined && version < known
      },
      found: (best, lacks) => {
        if (versions === undefined) this.#heat.add(near, best.value.length)
        const repair = lacks.length > 0 ? toRepair(best, prove, versions) : undefined
        if (repair !== undefined) this.#repairs.offer(key, repair, lacks)
      },
    }).run()
  }

  async set(key: string, value: Buffer, options: SetOptions = {}): Promise<number> {
    const seats = await this.#change(key, options)
    const copies = await setCopies(seats, key, value, options)
    return this.#written(key, copies, seats)
  }

  async add(key: string, value: Buffer, options: SetOptions = {}): Promise<number> {
    const seats = await this.#change(key, options)
    const copies = await addCopies(seats, key, value, options)
    return copies === 0 ? 0 : this.#written(key, copies, seats)
  }

  async touch(key: string, ttl: number, options: CopyOptions = {}): Promise<boolean> {
    const seats = this.#seats(key, options)
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
    throwIfUnsure(seats, touched, options.extraCopy ? this.#replicas - 1 : 0)
    return false
  }

  async delete(key: string, options: CopyOptions = {}): Promise<boolean> {
    const seats = await this.#change(key, options)
    for (const { missed } of seats.ranked) missed.forget(key)
    // On every server: any may have stood in for another one.
    const deleted = await askAll(seats.up(seats.ranked.length), (engine) => engine.delete(key))
    if (deleted.yes) return true
    throwIfUnsure(seats, deleted, options.extraCopy ? this.#replicas - 1 : 0)
    return false
  }

  async replace<T>(
    key: string,
    prove: Proof<T>,
    next: (predecessors: Predecessors<T>) => Successor<T> | undefined,
    { versions, everywhere = false, isConditional = false }: ReplaceOptions<T>,
  ): Promise<number> {
    const seats = await this.#change(key, { extraCopy: true })
    const known = this.#newest.get(key)
    const isNew = !everywhere && !isConditional && known === undefined
    const how = { everywhere, isNew, isConditional, known }
    const replacing = new Replacing(seats, key, { prove, versions }, how)
    const replaced = await replacing.run(next)
    if (replaced === undefined) return 0
    this.#learn(key, replaced.version)
    return this.#written(key, replaced.copies, seats)
  }

  async repair<T>(key: string, prove: Proof<T>, options: GetOptions<T> = {}) {
    const { near, versions } = options
    const seats = await this.#change(key, { near, extraCopy: versions !== undefined })
    const tolerated = this.#tolerated(versions)
    return repairKey(seats, key, prove, options, { repairs: this.#repairs, tolerated })
  }

  /** Resolves with the largest value that every server which is up can store. */
  async maxValueSize(keyLength: number, usual?: number): Promise<number> {
    const limits: number[] = []
    let failure: unknown
    const asked = this.#up().map(async (member) => {
      try {
        limits.push(await member.maxValueSize(keyLength, usual))
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
  protected update(
    servers: readonly (Omit<Server, 'engine'> & { engine: () => ServerEngine })[],
  ): void {
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
      const newcomer = new Member({ name, weight, engine: added }, this.#patience, this.#onReturn)
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

  #seats(key: string, { extraCopy = false, near = key }: CopyOptions, sharing = 0): Seats {
    checkKey(key)
    const ranked = this.#placement.rank(near)
    if (extraCopy) {
      return new Seats(ranked, this.#replicas + 1, { quorum: this.#linkQuorum })
    }
    if (near === key) return new Seats(ranked, this.#replicas, { sharing })
    return new Seats(ranked, this.#replicas, { sharing, before: this.#placement.rank(key) })
  }

  /** Resolves with where to change a key, once no repair is under way that could undo the change. */
  async #change(key: string, options: CopyOptions): Promise<Seats> {
    const seats = this.#seats(key, options)
    await this.#repairs.idleFor(key)
    return seats
  }

  /**
   * Holders that may not answer while the others are believed that there is no such key. A value
   * with versions has one copy more than `replicas`, so `replicas - 1` of them may be missing.
   */
  #tolerated(versions: Versions<never> | undefined): number {
    return versions === undefined ? 0 : this.#replicas - 1
  }

  get #linkQuorum(): Quorum {
    return majority(this.#replicas, this.#members.length, this.#writeQuorum)
  }

  #learn(key: string, version: number): void {
    if (version > (this.#newest.get(key) ?? Number.NEGATIVE_INFINITY))
      this.#newest.set(key, version)
  }

  /** Writes to a server that is back what it has missed. */
  #handOver(member: Member): Promise<void> {
    return handOver(member, this.#repairs, ({ key, near, versioned }) =>
      this.#seats(key, { near, extraCopy: versioned !== undefined }),
    )
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
