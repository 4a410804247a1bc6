import { createRequire } from 'node:module'
import { parseAddresses } from '../src/engine/memcached/address.ts'
import { Commands } from '../src/engine/memcached/commands.ts'
import { ReconnectingConnection } from '../src/engine/memcached/connection/reconnecting.ts'
import { KnownServer } from '../src/engine/memcached/known-server.ts'
import { validateOptions } from '../src/engine/memcached/options.ts'
import type { Protocol } from '../src/engine/memcached/protocol/choice.ts'
import { launchMemcached } from '../test/helpers/memcached.ts'
import { type Effort, type Section, table } from './section.ts'
import { median, round, sizeName } from './statistics.ts'

const CONCURRENCY = 16
/** Many short rounds, so that a slow moment of the machine affects all subjects alike. */
const ROUND_MS = 300
const ROUNDS_A_SECOND = 3
const LENGTHS = [4096, 65_536, 524_288, 1_000_000]

interface Subject {
  name: string
  get(key: string): Promise<Buffer | undefined>
  set(key: string, value: Buffer): Promise<void>
  close(): void
}

function ours(address: string, name: string, connections = 1, protocol: Protocol = 'binary') {
  const options = { timeoutMs: 10_000, protocol }
  const server = new KnownServer(validateOptions(parseAddresses(address)[0]!, options))
  const connect = () => new ReconnectingConnection(server)
  const commands = new Commands(Array.from({ length: connections }, connect))
  const subject: Subject = {
    name,
    get: (key) => commands.get(key),
    set: async (key, value) => void (await commands.set(key, value, 0)),
    close: () => commands.close(),
  }
  return subject
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

/** Returns the operations a second of `CONCURRENCY` workers. */
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
  // The first round is a warm-up.
  for (let round = 0; round <= rounds; round++) {
    for (const [i, subject] of subjects.entries()) {
      const figure = await measure(operationOf(subject))
      if (round > 0) figures[i]!.push(figure)
    }
  }
  const base = figures.at(-1)!
  return subjects.map(({ name }, i) => {
    const perSecond = median(figures[i]!)
    // Compared round by round, since the load of the machine changes.
    const ratio = median(figures[i]!.map((figure, index) => figure / base[index]!))
    const mbPerSecond = round((perSecond * length) / 1e6)
    return [`${what}, ${sizeName(length)}`, name, round(perSecond), mbPerSecond, round(ratio)]
  })
}

/** Measures our memcached client and memjs in turn, without a server on top. */
export async function clientSection({ seconds }: Effort): Promise<Section> {
  const server = await launchMemcached({ memoryMb: 256 })
  const { address } = server
  const subjects = [ours(address, 'ours'), ours(address, 'ours, 2 connections', 2), stock(address)]
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

/** The same values over each protocol in turn; `binary` is what the others are compared with. */
export async function protocolsSection({ seconds }: Effort): Promise<Section> {
  const server = await launchMemcached({ memoryMb: 256 })
  const subjects = (['meta', 'text', 'binary'] as const).map((protocol) =>
    ours(server.address, protocol, 1, protocol),
  )
  const rows: string[][] = []
  try {
    for (const length of [4096, 524_288]) {
      for (const what of ['get', 'set'] as const) {
        rows.push(...(await compare(subjects, length, what, seconds * ROUNDS_A_SECOND)))
      }
    }
  } finally {
    for (const subject of subjects) subject.close()
    await server.dispose()
  }
  console.error('measured the protocols')
  const head = ['', 'protocol', 'per second', 'MB/s', '÷ binary']
  const text = `${CONCURRENCY} operations at once.\n\n${table(head, rows)}`
  return { title: 'The protocols of memcached', text }
}
