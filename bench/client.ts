import { createRequire } from 'node:module'
import { parseAddresses } from '../src/engine/memcached/address.ts'
import { Commands } from '../src/engine/memcached/commands.ts'
import { ReconnectingConnection } from '../src/engine/memcached/connection/reconnecting.ts'
import { validateOptions } from '../src/engine/memcached/options.ts'
import { BinaryCodec } from '../src/engine/memcached/protocol/binary.ts'
import { launchMemcached } from '../test/helpers/memcached.ts'
import { type Effort, type Section, table } from './section.ts'
import { median, round, sizeName } from './statistics.ts'

const CONCURRENCY = 16
/** Short rounds and many of them: whatever slows the machine for a moment slows all alike. */
const ROUND_MS = 300
const ROUNDS_A_SECOND = 3
const LENGTHS = [4096, 65_536, 524_288, 1_000_000]

interface Subject {
  name: string
  get(key: string): Promise<Buffer | undefined>
  set(key: string, value: Buffer): Promise<void>
  close(): void
}

function ours(address: string, connections: number): Subject {
  const settings = validateOptions(parseAddresses(address)[0]!, { timeoutMs: 10_000 })
  const connect = () => new ReconnectingConnection(settings, () => new BinaryCodec())
  const commands = new Commands(Array.from({ length: connections }, connect))
  return {
    name: connections === 1 ? 'ours' : `ours, ${connections} connections`,
    get: async (key) => (await commands.gets(key))?.value,
    set: (key, value) => commands.set(key, value, 0),
    close: () => commands.close(),
  }
}

interface Stock {
  get(key: string): Promise<{ value: Buffer | null }>
  set(key: string, value: Buffer, options: object): Promise<boolean>
  close(): void
}

function stock(address: string): Subject {
  const memjs = createRequire(import.meta.url)('memjs')
  const client: Stock = memjs.Client.create(address, { timeout: 10 })
  return {
    name: 'memjs',
    get: async (key) => (await client.get(key)).value ?? undefined,
    set: async (key, value) => {
      await client.set(key, value, {})
    },
    close: () => client.close(),
  }
}

/** Operations a second of `CONCURRENCY` workers. */
async function measure(operation: (key: string) => Promise<unknown>): Promise<number> {
  let done = 0
  const start = performance.now()
  const worker = async (id: number) => {
    while (performance.now() - start < ROUND_MS) {
      await operation(`key${id}`)
      done++
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, (_, id) => worker(id)))
  return (done * 1000) / (performance.now() - start)
}

async function compare(
  subjects: readonly Subject[],
  length: number,
  what: 'get' | 'set',
  rounds: number,
): Promise<string[][]> {
  const value = Buffer.alloc(length, 'x')
  const operationOf = (subject: Subject) =>
    what === 'get'
      ? async (key: string) => {
          if ((await subject.get(key))?.length !== length)
            throw new Error(`${subject.name}: ${key}`)
        }
      : (key: string) => subject.set(key, value)
  for (let id = 0; id < CONCURRENCY; id++) await subjects[0]!.set(`key${id}`, value)
  const figures = subjects.map(() => [] as number[])
  // The first round only warms up.
  for (let round = 0; round <= rounds; round++) {
    for (const [i, subject] of subjects.entries()) {
      const figure = await measure(operationOf(subject))
      if (round > 0) figures[i]!.push(figure)
    }
  }
  const base = figures.at(-1)!
  return subjects.map(({ name }, i) => {
    const perSecond = median(figures[i]!)
    // Compared round by round, since what else the machine does changes in the meantime.
    const ratio = median(figures[i]!.map((figure, index) => figure / base[index]!))
    const mbPerSecond = round((perSecond * length) / 1e6)
    return [`${what}, ${sizeName(length)}`, name, round(perSecond), mbPerSecond, round(ratio)]
  })
}

/** Our memcached client and the stock memjs client, alone, in turn. */
export async function clientSection({ seconds }: Effort): Promise<Section> {
  const server = await launchMemcached({ memoryMb: 256 })
  const subjects = [ours(server.address, 1), ours(server.address, 2), stock(server.address)]
  const rows: string[][] = []
  try {
    for (const length of LENGTHS) {
      for (const what of ['get', 'set'] as const) {
        rows.push(...(await compare(subjects, length, what, seconds * ROUNDS_A_SECOND)))
      }
    }
  } finally {
    for (const subject of subjects) subject.close()
    await server.dispose()
  }
  console.error('measured the client alone')
  const head = ['', 'client', 'per second', 'MB/s', '÷ memjs']
  const text = `${CONCURRENCY} operations at once.\n\n${table(head, rows)}`
  return { title: 'The memcached client alone', text }
}
