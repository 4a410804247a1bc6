import cluster, { type Address, type Worker } from 'node:cluster'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '../http/index.ts'
import { InvalidArgumentError } from '../index.ts'
import { type NameOf, printable, type Settings } from './settings.ts'
import { relayMetrics } from './worker-metrics.ts'

/** Milliseconds between the death of a worker that had just started and the next one. */
const PAUSE_MS = 1000

/**
 * Runs this command again in several processes that share one port: connections are dealt out in
 * turn. A worker that dies is replaced; when one cannot even start, they all end.
 */
export async function supervise(settings: Settings, nameOf: NameOf, logger: Logger): Promise<void> {
  const { workers: count } = settings
  if (!settings.memcached && settings.memcachedFile === undefined) {
    throw new InvalidArgumentError(
      `${nameOf('workers')}: several processes need --memcached; the embedded engine lives in one`,
    )
  }
  let stopping = false
  const signalAll = (signal: NodeJS.Signals) => {
    for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill(signal)
  }
  // A terminal sends SIGINT to every process of the command, so workers leave that one to us.
  const stop = () => {
    stopping = true
    signalAll('SIGTERM')
  }
  relayMetrics()
  process.on('SIGINT', stop).on('SIGTERM', stop)
  // Without anything to read again, it ends them all as it would end any process.
  if (settings.tlsCert !== undefined || settings.memcachedFile !== undefined) relayHangups()
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

/** A worker that does not listen yet would die of it, so it is told then. */
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

function urlOf({ address, port }: Address, { tlsCert }: Settings): string {
  const host = address.includes(':') ? `[${address}]` : address
  return `${tlsCert === undefined ? 'http' : 'https'}://${host}:${port}`
}
