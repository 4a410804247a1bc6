import { type NamesOf, refuseUnknown } from '../../known-names.ts'
import { Fleet } from '../fleet/fleet.ts'
import type { FleetOptions } from '../fleet/options.ts'
import { type Address, parseAddresses } from './address.ts'
import { MemcachedEngine } from './engine.ts'
import { MEMCACHED_OPTIONS, type MemcachedOptions } from './options.ts'

export interface MemcachedFleetOptions extends MemcachedOptions, FleetOptions {}

export const FLEET_OPTIONS: NamesOf<MemcachedFleetOptions> = {
  ...MEMCACHED_OPTIONS,
  replicas: true,
  writeQuorum: true,
  sharedBytes: true,
  patienceMs: true,
}

/** Keeps values in several memcacheds, whose list may change. */
export class MemcachedFleet extends Fleet {
  readonly #options: MemcachedOptions

  /** @throws {InvalidArgumentError} for an address or an option that can never work. */
  constructor(addresses: string | readonly string[], options: MemcachedFleetOptions = {}) {
    refuseUnknown('memcached()', options, FLEET_OPTIONS)
    const { replicas = 1, writeQuorum, sharedBytes, patienceMs, ...rest } = options
    const given = Object.entries(rest).filter(([, value]) => value !== undefined)
    const own: MemcachedOptions = { ...PATIENCE, ...Object.fromEntries(given) }
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
   * Uses other servers from now on. Servers that stay keep their connections; servers that are
   * removed finish what is under way. Copies no values: one that belongs on another server now is
   * read from its old one, if that is still in the list, and is written to the new one then.
   * @throws {InvalidArgumentError} for a bad address or fewer servers than replicas; nothing
   * changes then.
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
 * Shorter than with a single server, since another can answer instead: a caller that waits for a
 * server that hangs, and then for the one that stands in for it, has an answer within a second.
 */
const PATIENCE = { timeoutMs: 400, connectTimeoutMs: 400, backoffMaxMs: 200 }
