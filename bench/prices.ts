import { randomBytes } from 'node:crypto'
import { type Engine, FileStore, memcached, memory } from '../src/index.ts'
import { launchMemcached } from '../test/helpers/memcached.ts'
import { type Effort, type Section, table } from './section.ts'
import { median, round, sizeName, spread } from './statistics.ts'

/** Measures what the decisions of docs/design.md cost: verification before the first byte, two records a file. */
export async function pricesSections({ rounds }: Effort): Promise<Section[]> {
  return [await readingSection(rounds), await recordsSection(rounds)]
}

const READS = {
  'the first by a process': 'full',
  again: 'full',
  'again, verify=stream': 'stream',
} as const

/** Bytes, and how many files of that size are read one after the other. */
const FILES = [
  [1_000_000, 16],
  [16_000_000, 4],
  [64_000_000, 2],
  [256_000_000, 1],
] as const

interface Times {
  firstByteMs: number
  wholeMs: number
}

/** Reads files that others stored, in a store of its own each round: what it proved before, it knows. */
async function readingSection(rounds: number): Promise<Section> {
  const server = await launchMemcached({ memoryMb: 1024 })
  const open = () => new FileStore(memcached(server.address, { timeoutMs: 5000 }))
  const writer = open()
  const rows: string[][] = []
  try {
    for (const [size, count] of FILES) {
      const hashes: string[] = []
      for (let left = count; left >= 0; left--) {
        hashes.push((await writer.put(randomBytes(size))).hash)
      }
      const samples: Times[][] = []
      // The first round is a warm-up.
      for (let round = 0; round <= rounds; round++) {
        const reader = open()
        const times = await readEach(reader, hashes)
        await reader.close()
        if (round > 0) samples.push(times)
      }
      rows.push(...Object.keys(READS).map((what, index) => rowOf(size, what, index, samples)))
    }
  } finally {
    await writer.close()
    await server.dispose()
  }
  console.error('measured what reading before the first byte costs')
  const head = ['', 'read', 'first byte ms', 'whole ms', 'whole ÷ verify=stream']
  const text =
    'Files that another process stored, without a secret, read by the library one at a time.\n\n' +
    table(head, rows)
  return { title: 'What verification before the first byte costs', text }
}

function rowOf(size: number, what: string, index: number, samples: readonly Times[][]): string[] {
  const own = samples.map((times) => times[index]!)
  const ratios = samples.map((times) => times[index]!.wholeMs / times.at(-1)!.wholeMs)
  return [
    sizeName(size),
    what,
    spread(own.map(({ firstByteMs }) => firstByteMs)),
    spread(own.map(({ wholeMs }) => wholeMs)),
    spread(ratios),
  ]
}

/** Returns the medians over the files, for each kind of read. */
async function readEach(
  store: FileStore,
  [warmUp, ...hashes]: readonly string[],
): Promise<Times[]> {
  // Starts the hash threads and makes the memory that is used again.
  await readWhole(store, warmUp!, 'full')
  const all: Times[] = []
  for (const verify of Object.values(READS)) {
    const times: Times[] = []
    for (const hash of hashes) times.push(await readWhole(store, hash, verify))
    const middle = (of: keyof Times) => median(times.map((each) => each[of]))
    all.push({ firstByteMs: middle('firstByteMs'), wholeMs: middle('wholeMs') })
  }
  return all
}

async function readWhole(
  store: FileStore,
  hash: string,
  verify: 'full' | 'stream',
): Promise<Times> {
  const start = performance.now()
  const file = await store.find({ hash })
  const read = await file.prepare(undefined, { verify })
  let firstByteMs: number | undefined
  try {
    await read.send({ start: 0, end: file.size }, async () => {
      firstByteMs ??= performance.now() - start
    })
  } finally {
    read.close()
  }
  return { firstByteMs: firstByteMs!, wholeMs: performance.now() - start }
}

/** Names of files, by how each is stored; `undefined` for none. */
const NAMES: Record<string, (index: number) => string | undefined> = {
  'by hash': () => undefined,
  'by hash and name': (index) => String(index),
  'by hash and name, replacing one': (index) => String(index % AT_ONCE),
}
const AT_ONCE = 16
const ROUND_MS = 300
/** Puts that are looked at for their commands and bytes. */
const COUNTED = 200

async function recordsSection(rounds: number): Promise<Section> {
  const server = await launchMemcached({ memoryMb: 1024 })
  const engines: Record<string, () => Engine> = {
    'in memory': () => memory(),
    memcached: () => memcached(server.address, { timeoutMs: 5000, pageMover: false }),
  }
  const rows: string[][] = []
  try {
    for (const size of [4096, 65_536]) {
      for (const [where, open] of Object.entries(engines)) {
        const measured = await comparePuts(open(), size, rounds)
        rows.push(...measured.map((row) => [`${sizeName(size)}, ${where}`, ...row]))
      }
    }
  } finally {
    await server.dispose()
  }
  console.error('measured what two records a file cost')
  const head = [
    '',
    'stored',
    'commands',
    'item bytes',
    'µs alone',
    '16 at once: puts/s',
    '÷ by hash',
  ]
  const text = `Put by the library. \`item bytes\` are beside those of the file.\n\n${table(head, rows)}`
  return { title: 'What two records a file cost', text }
}

/** Puts files with and without names in turn, in each round, into one store, which it closes. */
async function comparePuts(engine: Engine, size: number, rounds: number): Promise<string[][]> {
  const store = new FileStore(engine)
  const puts = Object.values(NAMES).map((nameOf) => putting(store, size, nameOf))
  const counts: string[][] = []
  const alone = puts.map(() => [] as number[])
  const together = puts.map(() => [] as number[])
  try {
    for (const put of puts) counts.push(await countCommands(engine, size, put))
    // The first round is a warm-up.
    for (let round = 0; round <= rounds; round++) {
      for (const [index, put] of puts.entries()) {
        const one = await ratePerSecond(put, 1)
        const many = await ratePerSecond(put, AT_ONCE)
        if (round === 0) continue
        alone[index]!.push(1e6 / one)
        together[index]!.push(many)
      }
    }
  } finally {
    await store.close()
  }
  return Object.keys(NAMES).map((how, index) => {
    const ratios = together[index]!.map((rate, round) => rate / together[0]![round]!)
    const rate = round(median(together[index]!))
    return [how, ...counts[index]!, spread(alone[index]!), rate, spread(ratios)]
  })
}

/** Returns a function that puts other content each time; `worker` tells which of `AT_ONCE` calls it. */
function putting(store: FileStore, size: number, nameOf: (index: number) => string | undefined) {
  const buffers = Array.from({ length: AT_ONCE }, () => randomBytes(size))
  const folder = randomBytes(8).toString('hex')
  let next = 0
  return async (worker: number) => {
    const index = next++
    buffers[worker]!.writeDoubleBE(index)
    const name = nameOf(index)
    await store.put(buffers[worker]!, name === undefined ? {} : { name: `${folder}/${name}` })
  }
}

type Put = (worker: number) => Promise<void>

/** Returns the commands of a put, and the bytes that it adds beside those of the file. */
async function countCommands(engine: Engine, size: number, put: Put): Promise<string[]> {
  let commands = 0
  engine.observe({ operation: () => commands++ })
  const used = async () => (await engine.stats())[0]!.bytes ?? Number.NaN
  for (let index = 0; index < AT_ONCE; index++) await put(0)
  const [before, first] = [await used(), commands]
  for (let index = 0; index < COUNTED; index++) await put(0)
  const each = (commands - first) / COUNTED
  return [String(each), round(((await used()) - before) / COUNTED - size)]
}

async function ratePerSecond(put: Put, atOnce: number): Promise<number> {
  let done = 0
  const start = performance.now()
  const worker = async (id: number) => {
    while (performance.now() - start < ROUND_MS) {
      await put(id)
      done++
    }
  }
  await Promise.all(Array.from({ length: atOnce }, (_, id) => worker(id)))
  return (done * 1000) / (performance.now() - start)
}
