import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import pMap from 'p-map'
import { FileStore, memcached } from '../src/index.ts'
import { startMemcached } from './contenders.ts'
import { type Section, table } from './section.ts'
import { round } from './statistics.ts'

const LIMIT_MB = 256
/** For large files: the oldest one is never whole, and would be a sixteenth of the smaller limit. */
const LARGE_LIMIT_MB = 2048
const MiB = 1024 * 1024

/** Measures how much memory holds whole files, and how soon memory moves between sizes. */
export async function retainedSection(): Promise<Section> {
  const rows: string[][] = []
  for (const size of [16_000_000, 1_000_000, 64 * 1024, 4096]) {
    const limit = size > MiB ? LARGE_LIMIT_MB : LIMIT_MB
    const share = await fillWith(size, limit)
    rows.push([`files of ${size.toLocaleString('en')} B`, String(limit), '–', round(share)])
  }
  for (const [after, share] of await mixAfterLargeFiles()) {
    const what = '4 KB files after a fill with large ones'
    rows.push([what, String(LIMIT_MB), `${after} s`, round(share)])
  }
  console.error('measured what memcached retains')
  const head = ['', 'MiB', 'after', 'share']
  const text =
    'Files of twice the memory are stored: the share of the memory that holds bytes of whole files. ' +
    'And, after a fill with large files: the share of the newest small files that are whole, of ' +
    `those that fit.\n\n${table(head, rows)}`
  return { title: 'Memory retained in memcached', text }
}

async function fillWith(size: number, limit: number): Promise<number> {
  return withStore(limit, async (store) => {
    const count = Math.ceil((2 * limit * MiB) / size)
    const hashes = await putMany(store, size, count)
    const lost = new Set(await store.missing(hashes))
    const whole = hashes.filter((hash) => !lost.has(hash)).length
    return (whole * size) / (limit * MiB)
  })
}

/** Stores 30,000 small files after a fill with large ones. */
async function mixAfterLargeFiles(): Promise<[number, number][]> {
  return withStore(LIMIT_MB, async (store) => {
    await putMany(store, 16_000_000, Math.ceil((2 * LIMIT_MB * MiB) / 16_000_000))
    const shares: [number, number][] = []
    const start = performance.now()
    const hashes: string[] = []
    for (const after of [6, 30, 60, 120, 180]) {
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

async function withStore<R>(limit: number, work: (store: FileStore) => Promise<R>): Promise<R> {
  const server = await startMemcached(limit)
  const store = new FileStore(memcached(`127.0.0.1:${server.port}`, { timeoutMs: 5000 }))
  try {
    return await work(store)
  } finally {
    await store.close()
    await server.stop()
  }
}
