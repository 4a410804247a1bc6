import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import pMap from 'p-map'
import { FileStore, memcached } from '../src/index.ts'
import { startMemcached } from './contenders.ts'
import { type Section, table } from './section.ts'
import { round } from './statistics.ts'

const LIMIT_MB = 256
const MiB = 1024 * 1024

/** How much of memcached's memory holds files that are whole, and how soon sizes change hands. */
export async function retainedSection(): Promise<Section> {
  const rows: string[][] = []
  for (const size of [16_000_000, 1_000_000, 64 * 1024, 4096]) {
    rows.push([`files of ${size.toLocaleString('en')} B`, '–', round(await fillWith(size))])
  }
  for (const [after, share] of await mixAfterLargeFiles()) {
    rows.push(['4 KB files after a fill with large ones', `${after} s`, round(share)])
  }
  console.error('measured what memcached retains')
  const head = ['', 'after', 'share']
  const text =
    `Of the ${LIMIT_MB} MiB of \`-m ${LIMIT_MB}\`, the share that holds bytes of whole files after twice as much ` +
    'was written; and, after a fill with large files, the share of the newest small ones that are ' +
    `whole, of those that would fit.\n\n${table(head, rows)}`
  return { title: 'Memory retained in memcached', text }
}

async function fillWith(size: number): Promise<number> {
  return withStore(async (store) => {
    const count = Math.ceil((2 * LIMIT_MB * MiB) / size)
    const hashes = await putMany(store, size, count)
    const lost = new Set(await store.missing(hashes))
    const whole = hashes.filter((hash) => !lost.has(hash)).length
    return (whole * size) / (LIMIT_MB * MiB)
  })
}

/** What performance asks: 30,000 small files after a fill with large ones. */
async function mixAfterLargeFiles(): Promise<[number, number][]> {
  return withStore(async (store) => {
    await putMany(store, 16_000_000, Math.ceil((2 * LIMIT_MB * MiB) / 16_000_000))
    const shares: [number, number][] = []
    const start = performance.now()
    const hashes: string[] = []
    for (const after of [6, 30, 60, 90]) {
      while (performance.now() - start < after * 1000) {
        hashes.push(...(await putMany(store, 4096, 500)))
        await sleep(500)
      }
      const newest = hashes.slice(-30_000)
      const lost = await store.missing(newest)
      shares.push([after, 1 - lost.length / newest.length])
    }
    return shares
  })
}

async function putMany(store: FileStore, size: number, count: number): Promise<string[]> {
  const put = async () => (await store.put(randomBytes(size))).hash
  return pMap(Array.from({ length: count }), put, { concurrency: size > MiB ? 2 : 32 })
}

async function withStore<R>(work: (store: FileStore) => Promise<R>): Promise<R> {
  const server = await startMemcached(LIMIT_MB)
  const store = new FileStore(memcached(`127.0.0.1:${server.port}`, { timeoutMs: 5000 }))
  try {
    return await work(store)
  } finally {
    await store.close()
    await server.stop()
  }
}
