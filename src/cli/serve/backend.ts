import type { Logger } from '../../http/index.ts'
import {
  type Engine,
  InvalidArgumentError,
  MemcachedFleet,
  memcached,
  memory,
} from '../../index.ts'
import { readSetting } from './secrets.ts'
import { type NameOf, named, type ServeSettings } from './settings.ts'

/** The engine that the settings describe. */
export interface Backend {
  readonly engine: Engine
  /** Reads the file with the list of servers again, if there is one. */
  readonly reload?: () => readonly string[]
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

/** Reads the list of servers again on SIGHUP; keeps the old one if the new one is not valid. */
export function reloadServersOnHangup({ reload }: Backend, logger: Logger): void {
  if (reload === undefined) return
  process.on('SIGHUP', () => {
    try {
      logger.info({ servers: reload() }, 'uses the new list of memcacheds')
    } catch (error) {
      logger.error({ err: error }, 'keeps the old list of memcacheds: the new one cannot be used')
    }
  })
}

function fromFile(file: string, settings: ServeSettings, nameOf: NameOf): Backend {
  const name = nameOf('memcachedFile')
  if (settings.memcached) {
    throw new InvalidArgumentError(`${name} and ${nameOf('memcached')} exclude each other`)
  }
  const read = () => addressesIn(readSetting(name, file).toString())
  const engine = named(name, () => new MemcachedFleet(read(), optionsOf(settings)))
  const reload = () => {
    named(name, () => engine.setAddresses(read()))
    return engine.servers
  }
  return { engine, reload }
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
