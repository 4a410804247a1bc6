import cluster, { type Worker } from 'node:cluster'
import type { MetricsExchange, MetricsSnapshot } from '../../http/index.ts'

/** Messages between the primary and its workers; `id` numbers the requests of the asking worker. */
type Message =
  | { blobcached: 'metrics wanted'; id: number }
  | { blobcached: 'tell metrics'; id: number; asker: number }
  | { blobcached: 'own metrics'; id: number; asker: number; snapshot: MetricsSnapshot }
  | { blobcached: 'metrics of others'; id: number; snapshots: MetricsSnapshot[] }

/** Milliseconds after which the metrics that have arrived are returned. */
const PATIENCE_MS = 1000

/** In the primary: collects the metrics of the other workers for a worker that asks. */
export function relayMetrics(): void {
  const pending = new Map<string, { snapshots: MetricsSnapshot[]; missing: number; done(): void }>()
  const ask = (asker: Worker, id: number) => {
    const others = Object.values(cluster.workers ?? {}).filter((worker) => worker !== asker)
    const key = `${asker.id} ${id}`
    const done = () => {
      clearTimeout(timer)
      if (!pending.delete(key)) return
      tell(asker, { blobcached: 'metrics of others', id, snapshots: request.snapshots })
    }
    const timer = setTimeout(done, PATIENCE_MS)
    const request = { snapshots: [], missing: others.length, done }
    pending.set(key, request)
    for (const other of others) tell(other, { blobcached: 'tell metrics', id, asker: asker.id })
    if (others.length === 0) done()
  }
  cluster.on('message', (worker, message: Message) => {
    if (message?.blobcached === 'metrics wanted') ask(worker, message.id)
    if (message?.blobcached !== 'own metrics') return
    const request = pending.get(`${message.asker} ${message.id}`)
    request?.snapshots.push(message.snapshot)
    if (request !== undefined && --request.missing === 0) request.done()
  })
}

/** In a worker: sends its own metrics when asked, and asks for those of the others. */
export function workerMetrics(): MetricsExchange {
  const waiting = new Map<number, (snapshots: MetricsSnapshot[]) => void>()
  let lastId = 0
  let own: () => Promise<MetricsSnapshot> = async () => []
  process.on('message', async (message: Message) => {
    if (message?.blobcached === 'tell metrics') {
      const { id, asker } = message
      process.send?.({ blobcached: 'own metrics', id, asker, snapshot: await own() })
    } else if (message?.blobcached === 'metrics of others') {
      waiting.get(message.id)?.(message.snapshots)
      waiting.delete(message.id)
    }
  })
  return {
    share(snapshot) {
      own = snapshot
    },
    others: () =>
      new Promise((resolve) => {
        const id = ++lastId
        waiting.set(id, resolve)
        process.send?.({ blobcached: 'metrics wanted', id } satisfies Message)
        setTimeout(() => {
          if (waiting.delete(id)) resolve([])
        }, 2 * PATIENCE_MS).unref()
      }),
  }
}

function tell(worker: Worker | undefined, message: Message): void {
  if (worker?.isConnected()) worker.send(message)
}
