import { hash, randomBytes } from 'node:crypto'
import pMap from 'p-map'
import { FileStore, MemcachedFleet } from '../src/index.ts'
import { launchMemcached, type Memcached } from '../test/helpers/memcached.ts'
import { table } from './section.ts'

const SERVERS = 5
const FILES = 200
/** Bytes; small, since only the number of chunks matters. */
const CHUNK_SIZE = 1024
const CHUNKS = [1, 8, 64]
const REPLICAS = [1, 2, 3]
/** The probability that a copy is lost, independent of the others. */
const LOST = [0.01, 0.05, 0.2]
const KILLED = [1, 2]

/** Prints how many files can still be read after copies, or whole servers, are lost at random. */
async function main(): Promise<void> {
  const servers = await Promise.all(Array.from({ length: SERVERS }, () => launchMemcached()))
  try {
    const rows: string[][] = []
    for (const replicas of REPLICAS) {
      for (const chunks of CHUNKS) rows.push(await measure(servers, replicas, chunks))
    }
    const head = ['copies', 'chunks', ...LOST.map((part) => `${part * 100} % lost`)]
    head.push(...KILLED.map((count) => `${count} of ${SERVERS} servers gone`), 'memory')
    console.log(table(head, rows))
  } finally {
    await Promise.all(servers.map((server) => server.dispose()))
  }
}

async function measure(
  servers: readonly Memcached[],
  replicas: number,
  chunks: number,
): Promise<string[]> {
  const row = [String(replicas), String(chunks)]
  const contents = Array.from({ length: FILES }, () => randomBytes(chunks * CHUNK_SIZE))
  for (const part of LOST) {
    await fill(servers, replicas, contents)
    await loseCopies(servers, part)
    row.push(percent(await readable(servers, replicas, contents)))
  }
  await fill(servers, replicas, contents)
  const memory = await itemsOn(servers)
  for (const count of KILLED) {
    for (const server of servers.slice(0, count)) await server.stop('SIGKILL')
    row.push(percent(await readable(servers, replicas, contents)))
  }
  for (const server of servers.slice(0, Math.max(...KILLED))) await server.start()
  row.push(`× ${(memory / (FILES * chunks)).toFixed(1)} items`)
  return row
}

async function fill(servers: readonly Memcached[], replicas: number, contents: readonly Buffer[]) {
  await Promise.all(servers.map(({ raw }) => raw.flush()))
  await withStore(servers, replicas, (store) =>
    pMap(contents, (content) => store.put(content), { concurrency: 16 }),
  )
}

/** Deletes copies at random, as eviction does, but evenly. */
async function loseCopies(servers: readonly Memcached[], part: number): Promise<void> {
  for (const { raw } of servers) {
    for (const key of await raw.keys()) if (Math.random() < part) await raw.delete(key)
  }
}

async function itemsOn(servers: readonly Memcached[]): Promise<number> {
  const keys = await Promise.all(servers.map(({ raw }) => raw.keys()))
  return keys.flat().filter((key) => key.startsWith('c:')).length
}

/** Returns the share of readable files, with a new client that repairs none of them. */
function readable(
  servers: readonly Memcached[],
  replicas: number,
  contents: readonly Buffer[],
): Promise<number> {
  return withStore(servers, replicas, async (store) => {
    const isReadable = (content: Buffer) =>
      store.isReadable({ hash: hash('sha256', content) }).catch(() => false)
    const found = await pMap(contents, isReadable, { concurrency: 4 })
    return found.filter(Boolean).length / contents.length
  })
}

async function withStore<R>(
  servers: readonly Memcached[],
  replicas: number,
  work: (store: FileStore) => Promise<R>,
): Promise<R> {
  const addresses = servers.map(({ address }) => address)
  const store = new FileStore(new MemcachedFleet(addresses, { replicas, timeoutMs: 5000 }), {
    chunkSize: CHUNK_SIZE,
  })
  try {
    return await work(store)
  } finally {
    await store.close()
  }
}

const percent = (part: number) => `${(part * 100).toFixed(1)} %`

await main()
