import { randomBytes } from 'node:crypto'
import pMap from 'p-map'
import { FileStore, memcached } from '../src/index.ts'
import { startMemcached } from './contenders.ts'
import { type Section, table } from './section.ts'
import { round } from './statistics.ts'

export const LIMIT_MB = 256
/** For large files: the oldest one is never whole, and would be a sixteenth of the smaller limit. */
const LARGE_LIMIT_MB = 2048
export const MiB = 1024 * 1024

/** Measures how much memory holds whole files. */
export async function retainedSection(): Promise<Section> {
  const rows: string[][] = []
  for (const size of [16_000_000, 1_000_000, 64 * 1024, 4096]) {
    const limit = size > MiB ? LARGE_LIMIT_MB : LIMIT_MB
    const share = await fillWith(size, limit)
    rows.push([`files of ${size.toLocaleString('en')} B`, String(limit), round(share)])
  }
  console.error('measured what memcached retains')
  const text =
    'Files of twice the memory are stored: the share of the memory that holds bytes of whole files.' +
    `\n\n${table(['', 'MiB', 'share'], rows)}`
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

/** Stores files of random bytes and returns their hashes. */
export async function putMany(store: FileStore, size: number, count: number): Promise<string[]> {
  const put = async () => (await store.put(randomBytes(size))).hash
  return pMap(Array.from({ length: count }), put, { concurrency: size > MiB ? 2 : 32 })
}

/** Does `work` with a store over a new memcached of so many MiB. */
export async function withStore<R>(
  limit: number,
  work: (store: FileStore) => Promise<R>,
  { pageMover = true } = {},
): Promise<R> {
  const server = await startMemcached(limit)
  const engine = memcached(`127.0.0.1:${server.port}`, { timeoutMs: 5000, pageMover })
  const store = new FileStore(engine)
  try {
    return await work(store)
  } finally {
    await store.close()
    await server.stop()
  }
}
