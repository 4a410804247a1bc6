import { setTimeout as sleep } from 'node:timers/promises'
import { NotFoundError, UnavailableError } from '../../../../src/index.ts'
import type { Random } from '../../../helpers/random.ts'
import type { Operation } from './history.ts'
import type { Client, World } from './world.ts'

const STEPS = 6
/** Those of one blobcached that read and write at the same time. */
const PEOPLE = 2
const NAMES = 3

/** What was done to a server, and how it is made good; a server that was emptied stays at fault. */
interface Fault {
  kind: string
  server: number
  heal(): Promise<void> | void
  isLasting: boolean
}

type Break = (world: World, server: number, client: Client) => Omit<Fault, 'server' | 'kind'>

const faults: Record<string, Break> = {
  freeze({ servers }, server) {
    servers[server]!.freeze()
    return { heal: () => servers[server]!.thaw(), isLasting: false }
  },
  kill({ servers }, server) {
    const killed = servers[server]!.stop('SIGKILL')
    return { heal: () => killed.then(() => servers[server]!.start()), isLasting: true }
  },
  restart({ servers }, server) {
    const restarted = servers[server]!.restart('SIGKILL')
    return { heal: () => restarted, isLasting: true }
  },
  partition(_world, server, client) {
    client.cutOff(server)
    return { heal: () => client.letThrough(server), isLasting: false }
  },
}

/** One random schedule of faults, with people who read and write meanwhile. */
export class Schedule {
  readonly history: Operation[] = []
  /** What happened, to be read by a person. */
  readonly steps: string[] = []
  readonly #world: World
  readonly #random: Random
  readonly #mostFaulty: number
  readonly #prefix: string
  readonly #open: Fault[] = []
  #writes = 0
  #isOver = false

  /** @param mostFaulty Servers that may be at fault at a time. */
  constructor(world: World, random: Random, mostFaulty: number, prefix: string) {
    this.#world = world
    this.#random = random
    this.#mostFaulty = mostFaulty
    this.#prefix = prefix
  }

  async run(): Promise<void> {
    const people = this.#world.clients.flatMap((client) =>
      Array.from({ length: PEOPLE }, () => this.#live(client)),
    )
    for (let step = 0; step < STEPS; step++) {
      await this.#step()
      await sleep(this.#random.below(60))
    }
    while (this.#open.length > 0) await this.#heal()
    this.#isOver = true
    await Promise.all(people)
    await this.#world.join('stranger')
    for (let name = 0; name < NAMES; name++) {
      for (const client of this.#world.clients) await this.#read(client, this.#name(name))
    }
  }

  async #step(): Promise<void> {
    const { faulty, servers, clients } = this.#world
    const canBreak = faulty.size < this.#mostFaulty
    if (this.#open.length > 0 && (!canBreak || this.#random.below(2) === 0)) return this.#heal()
    // One that has been emptied before may be broken again.
    const busy = new Set(this.#open.map(({ server }) => server))
    const candidates = servers.map((_, i) => i).filter((i) => !busy.has(i))
    const server = this.#random.pick(candidates.filter((i) => canBreak || faulty.has(i)))
    if (server === undefined) return
    const kind = this.#random.pick(Object.keys(faults))
    faulty.add(server)
    this.#note(`${kind} ${server}`)
    const fault = faults[kind]!(this.#world, server, this.#random.pick(clients))
    this.#open.push({ kind, server, ...fault })
  }

  async #heal(): Promise<void> {
    const fault = this.#open.splice(this.#random.below(this.#open.length), 1)[0]!
    await fault.heal()
    this.#note(`${fault.kind} ${fault.server} is over`)
    await this.#world.isBack(fault.server)
    if (!fault.isLasting && !this.#emptied.has(fault.server)) {
      this.#world.faulty.delete(fault.server)
    } else this.#emptied.add(fault.server)
  }

  readonly #emptied = new Set<number>()

  async #live(client: Client): Promise<void> {
    while (!this.#isOver) {
      const name = this.#name(this.#random.below(NAMES))
      const dice = this.#random.below(10)
      if (dice < 3) await this.#write(client, name, `v${++this.#writes}`)
      else if (dice < 4) await this.#write(client, name, undefined)
      else await this.#read(client, name)
      await sleep(this.#random.below(4))
    }
  }

  #name(index: number): string {
    return `${this.#prefix} ${index}`
  }

  #write({ name: store, store: files }: Client, name: string, value: string | undefined) {
    return this.#record(
      store,
      'write',
      name,
      async () => {
        if (value === undefined) await files.delete(name)
        else await files.put(Buffer.from('x'), { name, attributes: { value } })
        return value
      },
      value,
    )
  }

  #read({ name: store, store: files }: Client, name: string) {
    return this.#record(store, 'read', name, async () => {
      try {
        return (await files.find(name)).attributes.value
      } catch (error) {
        if (error instanceof NotFoundError) return undefined
        throw error
      }
    })
  }

  async #record(
    store: string,
    kind: Operation['kind'],
    name: string,
    work: () => Promise<string | undefined>,
    meant?: string,
  ): Promise<void> {
    const start = performance.now()
    const { value, isOk } = await work().then(
      (found) => ({ value: found, isOk: true }),
      (error) => {
        if (!(error instanceof UnavailableError)) throw error
        this.#note(`${store}: a ${kind} failed: ${error.message}`)
        return { value: meant, isOk: false }
      },
    )
    this.history.push({ store, kind, name, value, start, end: performance.now(), isOk })
  }

  #note(what: string): void {
    this.steps.push(`${Math.round(performance.now())}: ${what}`)
  }
}
