import cluster, { type Worker } from 'node:cluster'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'

/** A worker that lived shorter than this, in milliseconds, is not replaced at once. */
const SHORT_LIFE_MS = 1000

export interface Workers {
  /** Resolves with the exit code when all have ended. */
  readonly ended: Promise<number>
  /** Lets every worker finish what is under way; a second time, ends them at once. */
  stop(): void
  /** Passes a signal on to every worker. */
  signal(signal: NodeJS.Signals): void
}

/**
 * Runs this command again in `count` processes that share one port: connections are dealt out in
 * turn. A worker that dies is replaced; one that cannot even start ends them all.
 */
export function startWorkers(
  count: number,
  onDeath: (worker: Worker, why: string) => void,
): Workers {
  let stopping = false
  let failure = 0

  const run = async () => {
    while (!stopping) {
      const startedAt = performance.now()
      const worker = cluster.fork()
      let isListening = false
      worker.once('listening', () => {
        isListening = true
      })
      const [code, signal] = (await once(worker, 'exit')) as [number | null, string | null]
      if (stopping) break
      onDeath(worker, signal ?? `exit code ${code}`)
      if (!isListening) {
        failure ||= code || 1
        stop()
      } else if (performance.now() - startedAt < SHORT_LIFE_MS) {
        await sleep(SHORT_LIFE_MS)
      }
    }
  }
  const signalAll = (signal: NodeJS.Signals) => {
    for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill(signal)
  }
  const stop = () => {
    stopping = true
    signalAll('SIGTERM')
  }
  const ended = Promise.all(Array.from({ length: count }, run)).then(() => failure)
  return { ended, stop, signal: signalAll }
}
