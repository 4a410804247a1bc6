import cluster, { type Address, type Worker } from 'node:cluster'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { InvalidArgumentError } from '../../errors.ts'
import type { Logger } from '../../http/index.ts'
import { watchPulse } from './pulse.ts'
import { type NameOf, printable, type ServeSettings } from './settings.ts'
import { relayMetrics } from './worker-metrics.ts'

/** Milliseconds before a worker that died right after its start is replaced. */
const PAUSE_MS = 1000

/**
 * Runs this command in several processes that share one port and get connections in turn. A worker
 * that dies or does not answer is replaced; if one dies before it listens, all end.
 */
export async function supervise(
  settings: ServeSettings,
  nameOf: NameOf,
  logger: Logger,
): Promise<void> {
  const { workers: count } = settings
  if (!settings.memcached && settings.memcachedFile === undefined) {
    throw new InvalidArgumentError(
      `${nameOf('workers')}: several processes need --memcached; the embedded engine is in one process`,
    )
  }
  let stopping = false
  const signalAll = (signal: NodeJS.Signals) => {
    for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill(signal)
  }
  // A terminal sends SIGINT to all processes of the command: the workers ignore it.
  const stop = () => {
    stopping = true
    signalAll('SIGTERM')
  }
  relayMetrics()
  process.on('SIGINT', stop).on('SIGTERM', stop)
  relayHangups()
  let listening = 0
  cluster.on('listening', (_worker, address) => {
    if (++listening !== count) return
    const url = urlOf(address, settings)
    logger.info(
      { url, settings: printable(settings) },
      `blobcached listens on ${url} with ${count} workers`,
    )
  })

  const keepOne = async () => {
    while (!stopping) {
      const worker = cluster.fork()
      watchPulse(worker, logger)
      const { startedAt, wasListening, end } = await lifeOf(worker)
      if (stopping) return
      logger.error({ worker: worker.process.pid, end }, 'a worker died')
      if (!wasListening) {
        process.exitCode = typeof end === 'number' && end !== 0 ? end : 1
        stop()
      } else if (performance.now() - startedAt < PAUSE_MS) {
        await sleep(PAUSE_MS)
      }
    }
  }
  await Promise.all(Array.from({ length: count }, keepOne))
  process.exit()
}

/** SIGHUP would end a worker that does not listen yet, so it is sent once the worker does. */
function relayHangups(): void {
  const listening = new Set<number>()
  const late = new Set<number>()
  cluster.on('listening', ({ id, process }) => {
    listening.add(id)
    if (late.delete(id)) process.kill('SIGHUP')
  })
  cluster.on('exit', ({ id }) => {
    listening.delete(id)
    late.delete(id)
  })
  process.on('SIGHUP', () => {
    for (const worker of Object.values(cluster.workers ?? {})) {
      if (worker === undefined) continue
      if (listening.has(worker.id)) worker.process.kill('SIGHUP')
      else late.add(worker.id)
    }
  })
}

async function lifeOf(worker: Worker) {
  const startedAt = performance.now()
  let wasListening = false
  worker.once('listening', () => {
    wasListening = true
  })
  const [code, signal] = (await once(worker, 'exit')) as [number | null, string | null]
  return { startedAt, wasListening, end: signal ?? code }
}

function urlOf({ address, port }: Address, { tlsCert }: ServeSettings): string {
  const host = address.includes(':') ? `[${address}]` : address
  return `${tlsCert === undefined ? 'http' : 'https'}://${host}:${port}`
}
