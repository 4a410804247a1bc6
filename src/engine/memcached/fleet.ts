import { Fleet, type FleetOptions } from '../fleet/fleet.ts'
import { type Address, parseAddresses } from './address.ts'
import { MemcachedEngine } from './engine.ts'
import type { MemcachedOptions } from './options.ts'

export interface MemcachedFleetOptions extends MemcachedOptions, FleetOptions {}

/** Several memcacheds, whose list may change. */
export class MemcachedFleet extends Fleet {
  readonly #options: MemcachedOptions

  /** @throws {InvalidArgumentError} for an address or an option that can never work. */
  constructor(addresses: string | readonly string[], options: MemcachedFleetOptions = {}) {
    const { replicas = 1, writeQuorum, sharedBytes, patienceMs, ...rest } = options
    const own = { ...PATIENCE, ...rest }
    const servers = parseAddresses(addresses).map((address) => ({
      ...place(address),
      engine: new MemcachedEngine(address, own),
    }))
    super(servers, {
      replicas,
      patienceMs: patienceMs ?? own.timeoutMs!,
      ...(writeQuorum !== undefined && { writeQuorum }),
      ...(sharedBytes !== undefined && { sharedBytes }),
    })
    this.#options = own
  }

  /**
   * Other servers from now on: those that stay keep their connections, those that are gone finish
   * what is under way. Nothing is copied; what moved is found on its old servers, as long as those are
   * in the list, and follows when it is read.
   * @throws {InvalidArgumentError} for a bad address or fewer servers than replicas; nothing changes then.
   */
  setAddresses(addresses: string | readonly string[]): void {
    const servers = parseAddresses(addresses).map((address) => ({
      ...place(address),
      engine: () => new MemcachedEngine(address, this.#options),
    }))
    this.update(servers)
  }
}

const place = ({ name, weight }: Address) => ({ name, weight })

/**
 * Less than with a single server, since others can do what one does not: whoever waits for a
 * server that hangs, and then for the one that stands in for it, has an answer within a second.
 */
const PATIENCE = { timeoutMs: 400, connectTimeoutMs: 400, backoffMaxMs: 200 }
