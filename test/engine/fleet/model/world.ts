import { setTimeout as sleep } from 'node:timers/promises'
import type { ExecutionContext } from 'ava'
import { Fleet } from '../../../../src/engine/fleet/fleet.ts'
import { parseAddresses } from '../../../../src/engine/memcached/address.ts'
import { MemcachedEngine } from '../../../../src/engine/memcached/engine.ts'
import { FileStore } from '../../../../src/index.ts'
import { FaultProxy } from '../../../helpers/fault-proxy.ts'
import type { Memcached } from '../../../helpers/memcached.ts'

/** Long enough for a busy machine to answer, short enough for many outages. */
const TIMES = { timeoutMs: 300, connectTimeoutMs: 300, backoffMaxMs: 100, pageMover: false }

/** Tells of everything that fails: also of questions that observers of operations are not told of. */
class WatchedEngine extends MemcachedEngine {
  onFailure = () => {}

  constructor(...settings: ConstructorParameters<typeof MemcachedEngine>) {
    super(...settings)
    this.observe({
      operation: (_server, _operation, outcome) => {
        if (outcome === 'failed') this.onFailure()
      },
    })
  }

  override async maxValueSize(keyLength: number, usual?: number): Promise<number> {
    try {
      return await super.maxValueSize(keyLength, usual)
    } catch (error) {
      this.onFailure()
      throw error
    }
  }
}

/** A blobcached with its own ways to the memcacheds, which it knows by the names that all know them by. */
export class Client {
  readonly name: string
  readonly store: FileStore
  /** Operations that failed while nothing was wrong with their server: the machine was too busy. */
  disturbances = 0
  readonly #proxies: readonly FaultProxy[]

  constructor(
    name: string,
    proxies: readonly FaultProxy[],
    replicas: number,
    faulty: ReadonlySet<number>,
  ) {
    this.name = name
    this.#proxies = proxies
    const servers = proxies.map(({ address }, i) => {
      const engine = new WatchedEngine(parseAddresses(address)[0]!, TIMES)
      engine.onFailure = () => {
        if (!faulty.has(i)) this.disturbances++
      }
      return { name: `server ${i}`, weight: 1, engine }
    })
    this.store = new FileStore(new Fleet(servers, { replicas, patienceMs: 60_000 }), {
      hashThreads: 0,
    })
  }

  /** Nothing goes either way; no connection is closed. */
  cutOff(server: number): void {
    const proxy = this.#proxies[server]!
    proxy.toServer = () => {}
    proxy.toClient = () => {}
  }

  letThrough(server: number): void {
    const proxy = this.#proxies[server]!
    proxy.heal()
    proxy.resetAll()
  }

  async isUp(server: number): Promise<boolean> {
    return (await this.store.engine.stats())[server]!.up
  }

  async close(): Promise<void> {
    await this.store.close()
    for (const proxy of this.#proxies) proxy.dispose()
  }
}

/** Some memcacheds and blobcacheds that may see different ones of them. */
export class World {
  readonly servers: readonly Memcached[]
  readonly replicas: number
  readonly clients: Client[] = []
  /** Servers that may be silent to one of the clients, or lack what they had. */
  readonly faulty = new Set<number>()
  readonly #t: ExecutionContext

  constructor(t: ExecutionContext, servers: readonly Memcached[], replicas: number) {
    this.#t = t
    this.servers = servers
    this.replicas = replicas
  }

  /** A blobcached that has read nothing and knows of no outage. */
  async join(name: string): Promise<Client> {
    const proxies = this.servers.map(({ address }) => FaultProxy.start(this.#t, address))
    const client = new Client(name, await Promise.all(proxies), this.replicas, this.faulty)
    this.clients.push(client)
    return client
  }

  get disturbances(): number {
    return this.clients.reduce((sum, client) => sum + client.disturbances, 0)
  }

  /** Waits until all use a server again. */
  async isBack(server: number): Promise<void> {
    for (let tries = 0; tries < 500; tries++) {
      const up = await Promise.all(this.clients.map((client) => client.isUp(server)))
      if (up.every(Boolean)) return
      await sleep(10)
    }
    throw new Error(`server ${server} is not back`)
  }

  async close(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.close()))
  }
}
