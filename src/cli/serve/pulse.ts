import cluster, { type Worker } from 'node:cluster'
import type { Logger } from '../../http/index.ts'

/** Milliseconds between two questions to a worker, and those without an answer after which it is replaced. */
const PULSE = { everyMs: 2000, misses: 6 }

/** In the primary: ends a worker that listens and does not answer any more, which has it replaced. */
export function watchPulse(worker: Worker, logger: Logger): void {
  let misses = 0
  let timer: NodeJS.Timeout | undefined
  worker.on('message', (message) => {
    if (message?.blobcached === 'alive') misses = 0
  })
  worker.once('listening', () => {
    timer = setInterval(() => {
      if (misses++ === PULSE.misses) {
        logger.error({ worker: worker.process.pid }, 'a worker does not answer, and is replaced')
        worker.process.kill('SIGKILL')
      } else if (worker.isConnected()) {
        worker.send({ blobcached: 'alive?' })
      }
    }, PULSE.everyMs)
  })
  worker.once('exit', () => clearInterval(timer))
}

/** In a worker: answers. */
export function answerPulse(): void {
  if (!cluster.isWorker) return
  process.on('message', (message: { blobcached?: string }) => {
    if (message?.blobcached === 'alive?') process.send?.({ blobcached: 'alive' })
  })
}
