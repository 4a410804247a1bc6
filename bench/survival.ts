import { createHash, randomBytes } from 'node:crypto'
import pMap from 'p-map'
import { Fleet } from '../src/engine/fleet/fleet.ts'
import { parseAddresses } from '../src/engine/memcached/address.ts'
import { MemcachedEngine } from '../src/engine/memcached/engine.ts'
import { DEFAULT_CHUNK_SIZE, UnavailableError } from '../src/index.ts'
import { stripeStart } from '../src/store/records/manifest.ts'
import { launchMemcached, type Memcached } from '../test/helpers/memcached.ts'
import { freePort } from '../test/helpers/ports.ts'
import { Random } from '../test/helpers/random.ts'
import { table } from './section.ts'

const SIZES = { '4 KB': 4e3, '1 MB': 1e6, '16 MB': 16e6, '64 MB': 64e6 }
const REPLICAS = [1, 2]
/** Files of each size that are stored, and looked for once for each server, or pair, that is gone. */
const FILES = 60
/** Sets of servers that are gone, of all there are, at most. */
const MAX_LOSSES = 10

/** Under pressure a chunk has fewer bytes, as do the servers: only their proportions count. */
const PRESSURE = { memoryMb: 32, servers: 5, chunkBytes: 32_000, times: 4, zipf: 0.9, rounds: 3 }

/** Whether chunks lie near the first one of their stripe, or each where its own digest says. */
type Placing = 'each chunk by itself' | 'by file'
const PLACINGS: Placing[] = ['each chunk by itself', 'by file']

/** The chunks of a file: keys, and the keys next to which they lie. */
interface File {
  link: string
  chunks: { key: string; near: string | undefined }[]
}

function fileOf(seed: string, bytes: number, placing: Placing): File {
  const keyOf = (index: number) => `c:${sha256(`${seed} ${index}`)}`
  const count = Math.ceil(bytes / DEFAULT_CHUNK_SIZE)
  const chunks = Array.from({ length: count }, (_, index) => {
    const near = keyOf(stripeStart(index, DEFAULT_CHUNK_SIZE))
    return { key: keyOf(index), near: placing === 'by file' ? near : undefined }
  })
  return { link: `h:${sha256(seed)}`, chunks }
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

/** Prints which part of the files is lost with servers, or what is found under memory pressure. */
async function main(what = 'both'): Promise<void> {
  if (what !== 'hits') {
    console.log(table(['servers gone', 'copies', 'placed', ...Object.keys(SIZES)], await losses()))
  }
  if (what !== 'losses') {
    console.log(table(['copies', 'placed', ...Object.keys(SIZES).slice(1)], await hitRates()))
  }
}

async function losses(): Promise<string[][]> {
  const rows: string[][] = []
  for (const [count, gone] of [
    [5, 1],
    [5, 2],
    [20, 1],
  ] as const) {
    await withServers(count, 64, async (servers) => {
      for (const replicas of REPLICAS) {
        for (const placing of PLACINGS) {
          const cells: string[] = []
          for (const bytes of Object.values(SIZES)) {
            const files = Array.from({ length: FILES }, (_, i) =>
              fileOf(`${replicas} ${placing} ${bytes} ${i}`, bytes, placing),
            )
            cells.push((await lostPart(servers, replicas, files, gone)).toFixed(2))
          }
          rows.push([`${gone} of ${count}`, String(replicas), placing, ...cells])
          console.error(rows.at(-1)!.join(' '))
        }
      }
    })
  }
  return rows
}

/** The part of the files that cannot be read, over sets of so many servers that do not listen. */
async function lostPart(
  servers: readonly Memcached[],
  replicas: number,
  files: readonly File[],
  count: number,
): Promise<number> {
  await withFleet(servers, new Set(), replicas, (fleet) =>
    pMap(files, (file) => store(fleet, file, Buffer.from('x')), { concurrency: 16 }),
  )
  const sets = subsets(servers.length, count).filter((_, i) => i < MAX_LOSSES)
  let lost = 0
  for (const gone of sets) {
    await withFleet(servers, gone, replicas, async (fleet) => {
      const found = await pMap(files, (file) => isThere(fleet, file), { concurrency: 16 })
      lost += found.filter((there) => !there).length
    })
  }
  return lost / sets.length / files.length
}

async function store(fleet: Fleet, { link, chunks }: File, value: Buffer): Promise<void> {
  await pMap(chunks, ({ key, near }) => fleet.set(key, value, { near }), { concurrency: 16 })
  await fleet.set(link, Buffer.from('x'), { extraCopy: true })
}

async function isThere(fleet: Fleet, { link, chunks }: File): Promise<boolean> {
  try {
    if (!(await fleet.touch(link, 0, { extraCopy: true }))) return false
    const touch = ({ key, near }: File['chunks'][number]) => fleet.touch(key, 0, { near })
    for (let at = 0; at < chunks.length; at += 16) {
      const found = await Promise.all(chunks.slice(at, at + 16).map(touch))
      if (found.includes(false)) return false
    }
    return true
  } catch (error) {
    if (error instanceof UnavailableError) return false
    throw error
  }
}

async function hitRates(): Promise<string[][]> {
  const rows: string[][] = []
  for (const replicas of REPLICAS) {
    for (const placing of PLACINGS) {
      const cells: string[] = []
      for (const bytes of Object.values(SIZES).slice(1)) {
        cells.push((await hitRate(replicas, placing, bytes)).toFixed(3))
      }
      rows.push([String(replicas), placing, ...cells])
      console.error(rows.at(-1)!.join(' '))
    }
  }
  return rows
}

/** The part of the bytes that is found, when what is not found is stored again; after one round. */
async function hitRate(replicas: number, placing: Placing, bytes: number): Promise<number> {
  const { servers: count, memoryMb, chunkBytes, times, zipf, rounds } = PRESSURE
  const memory = (count * memoryMb * 1024 * 1024) / replicas
  const chunks = Math.ceil(bytes / DEFAULT_CHUNK_SIZE)
  const files = Array.from({ length: Math.round((times * memory) / chunkBytes / chunks) }, (_, i) =>
    fileOf(`${placing} ${bytes} ${i}`, bytes, placing),
  )
  const pick = zipfian(files.length, zipf, new Random(1))
  const value = randomBytes(chunkBytes)
  let hits = 0
  await withServers(count, memoryMb, (servers) =>
    withFleet(servers, new Set(), replicas, async (fleet) => {
      const get = async (index: number) => {
        const isHit = await read(fleet, files[index]!)
        if (!isHit) await store(fleet, files[index]!, value)
        return isHit
      }
      for (let round = 0; round < rounds; round++) {
        const wanted = Array.from({ length: files.length }, pick)
        const found = await pMap(wanted, get, { concurrency: 4 })
        if (round > 0) hits += found.filter(Boolean).length
      }
    }),
  )
  return hits / files.length / (rounds - 1)
}

/** As a store does it: a window of chunks at a time, in order, until one is missing. */
async function read(fleet: Fleet, { chunks }: File): Promise<boolean> {
  for (let at = 0; at < chunks.length; at += 4) {
    const window = chunks.slice(at, at + 4)
    const found = await Promise.all(
      window.map(({ key, near }) => fleet.get(key, (value) => value, { near })),
    )
    if (found.includes(undefined)) return false
  }
  return true
}

/** Draws indices below `count`, the first ones most often. */
function zipfian(count: number, exponent: number, random: Random): () => number {
  const sums: number[] = []
  for (let i = 0; i < count; i++) sums.push((sums.at(-1) ?? 0) + 1 / (i + 1) ** exponent)
  return () => {
    const at = random.next() * sums.at(-1)!
    let [low, high] = [0, count - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if (sums[middle]! < at) low = middle + 1
      else high = middle
    }
    return low
  }
}

function subsets(of: number, size: number): Set<number>[] {
  if (size === 1) return Array.from({ length: of }, (_, i) => new Set([i]))
  const pairs: Set<number>[] = []
  for (let i = 0; i < of; i++) for (let j = 0; j < i; j++) pairs.push(new Set([i, j]))
  return pairs
}

async function withServers<R>(
  count: number,
  memoryMb: number,
  work: (servers: Memcached[]) => Promise<R>,
): Promise<R> {
  const servers = await Promise.all(
    Array.from({ length: count }, () => launchMemcached({ memoryMb })),
  )
  try {
    return await work(servers)
  } finally {
    await Promise.all(servers.map((server) => server.dispose()))
  }
}

/** @param gone Those of the servers that are known by their names, and do not listen. */
async function withFleet<R>(
  servers: readonly Memcached[],
  gone: ReadonlySet<number>,
  replicas: number,
  work: (fleet: Fleet) => Promise<R>,
): Promise<R> {
  const nowhere = `127.0.0.1:${await freePort()}`
  const members = servers.map(({ address }, i) => {
    const [at] = parseAddresses(gone.has(i) ? nowhere : address)
    return { name: address, weight: 1, engine: new MemcachedEngine(at!, { timeoutMs: 5000 }) }
  })
  const fleet = new Fleet(members, { replicas })
  try {
    return await work(fleet)
  } finally {
    await fleet.close()
  }
}

await main(process.argv[2])
