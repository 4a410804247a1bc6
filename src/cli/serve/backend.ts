import {
  type Engine,
  InvalidArgumentError,
  MemcachedFleet,
  memcached,
  memory,
} from '../../index.ts'
import type { Reload } from './lifecycle.ts'
import { readSetting } from './secrets.ts'
import { type NameOf, named, type ServeSettings } from './settings.ts'

/** The engine that the settings describe. */
export interface Backend {
  readonly engine: Engine
  /** Reads the file with the list of servers again, if there is one. */
  readonly reload?: Reload
}

/** Creates the engine. @throws {InvalidArgumentError} that names the setting. */
export function createBackend(settings: ServeSettings, nameOf: NameOf): Backend {
  const { memcached: servers, memcachedFile: file, replicas } = settings
  if (file !== undefined) return fromFile(file, settings, nameOf)
  if (servers) {
    const name =
      replicas > 1 ? `${nameOf('memcached')} and ${nameOf('replicas')}` : nameOf('memcached')
    return { engine: named(name, () => memcached(servers, optionsOf(settings))) }
  }
  if (replicas > 1) {
    throw new InvalidArgumentError(`${nameOf('replicas')} needs several memcacheds in --memcached`)
  }
  return { engine: memory({ maxBytes: settings.memory }) }
}

function fromFile(file: string, settings: ServeSettings, nameOf: NameOf): Backend {
  const name = nameOf('memcachedFile')
  if (settings.memcached) {
    throw new InvalidArgumentError(`${name} and ${nameOf('memcached')} exclude each other`)
  }
  const read = () => addressesIn(readSetting(name, file).toString())
  const engine = named(name, () => new MemcachedFleet(read(), optionsOf(settings)))
  const take = () => {
    named(name, () => engine.setAddresses(read()))
    return { servers: engine.servers }
  }
  return { engine, reload: { what: 'list of memcacheds', take } }
}

/** One address a line, or several with commas; comments begin with #. */
function addressesIn(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.replace(/(^|\s)#.*/, '').trim())
    .filter((line) => line !== '')
}

function optionsOf(settings: ServeSettings) {
  const { replicas, writeQuorum, memcachedTimeout, memcachedUsername, memcachedPassword } = settings
  return {
    replicas,
    ...(writeQuorum !== undefined && { writeQuorum }),
    pageMover: settings.memcachedPageMover,
    protocol: settings.memcachedProtocol,
    ...(memcachedTimeout !== undefined && { timeoutMs: memcachedTimeout }),
    ...(memcachedUsername !== undefined && { username: memcachedUsername }),
    ...(memcachedPassword !== undefined && { password: memcachedPassword }),
  }
}
