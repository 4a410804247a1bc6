import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Contender, main, startBlobcached, startMemcached } from './contenders.ts'
import { type Effort, type Section, table } from './section.ts'
import { spread } from './statistics.ts'
import { wrk } from './wrk.ts'

const SIZE = 4096
/** Files of one request, the most that it takes. */
const COUNT = 1000
/** Files of the folder that `put -r` stores. */
const FOLDER = 3000
const CONNECTIONS = 8

/** Measures many small files in one request, against a request each from a client that costs nothing. */
export async function batchesSection(effort: Effort): Promise<Section> {
  const memcached = await startMemcached(2048)
  const server = await startBlobcached('blobcached', `127.0.0.1:${memcached.port}`)
  const folder = mkdtempSync(join(tmpdir(), 'blobcached-bench-'))
  try {
    const ways = await waysOf(server, folder)
    const rates = new Map(ways.map(({ what }) => [what, [] as number[]]))
    for (let turn = -1; turn < effort.rounds; turn++) {
      for (const { what, filesPerSecond } of ways) {
        const rate = await filesPerSecond(effort.seconds)
        if (turn >= 0) rates.get(what)!.push(rate) // The first turn is a warm-up.
      }
    }
    console.error('measured batches')
    return { title: 'Many small files', text: textOf(ways, rates) }
  } finally {
    rmSync(folder, { recursive: true })
    for (const running of [server, memcached]) await running.stop()
  }
}

interface Way {
  readonly what: string
  /** The way that it is compared with. */
  readonly against?: string
  filesPerSecond(seconds: number): Promise<number>
}

async function waysOf({ url }: Contender, folder: string): Promise<Way[]> {
  const contents = Array.from({ length: COUNT }, () => randomBytes(SIZE))
  const hashes = contents.map((content) => createHash('sha256').update(content).digest('hex'))
  const names = Array.from({ length: COUNT }, (_, index) => `batch/${index}`)
  const paths = names.map((name) => `/files/${name}`)
  const single = async (load: { putBytes?: number }, seconds: number) => {
    const result = await wrk({ url, paths, connections: CONNECTIONS, seconds, ...load }, SIZE)
    if (result.errors > 0) throw new Error(`${result.errors} requests failed`)
    return result.requestsPerSecond
  }
  const form = await formOf(names, contents)
  const batch = JSON.stringify({ hashes })
  const site = join(folder, 'site')
  mkdirSync(site)
  for (let index = 0; index < FOLDER; index++)
    writeFileSync(join(site, `${index}`), randomBytes(SIZE))
  const command = [main, 'put', '-r', '--force', site, '--server', url]
  return [
    { what: 'PUT', filesPerSecond: (seconds) => single({ putBytes: SIZE }, seconds) },
    {
      what: 'POST /files',
      against: 'PUT',
      filesPerSecond: (seconds) => repeated(seconds, () => post(`${url}/files`, form)),
    },
    {
      what: 'put -r --force',
      against: 'PUT',
      async filesPerSecond() {
        const start = performance.now()
        await promisify(execFile)(process.execPath, command, { maxBuffer: 1 << 24 })
        return FOLDER / ((performance.now() - start) / 1000)
      },
    },
    { what: 'GET', filesPerSecond: (seconds) => single({}, seconds) },
    {
      what: 'POST /blobs/batch',
      against: 'GET',
      filesPerSecond: (seconds) =>
        repeated(seconds, () => post(`${url}/blobs/batch`, { body: batch })),
    },
  ]
}

/** Puts a form together once, so that it costs its sender nothing. */
async function formOf(names: readonly string[], contents: readonly Buffer[]): Promise<RequestInit> {
  const form = new FormData()
  for (const [index, name] of names.entries()) {
    form.append('file', new Blob([new Uint8Array(contents[index]!)]), name)
  }
  const encoded = new Response(form)
  return { body: await encoded.arrayBuffer(), headers: encoded.headers }
}

async function post(url: string, init: RequestInit): Promise<void> {
  const response = await fetch(url, { method: 'POST', ...init })
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`)
  for await (const _ of response.body!);
}

/** @returns Files a second of requests for `COUNT` of them, one after the other. */
async function repeated(seconds: number, request: () => Promise<void>): Promise<number> {
  const start = performance.now()
  let files = 0
  while (performance.now() - start < seconds * 1000) {
    await request()
    files += COUNT
  }
  return files / ((performance.now() - start) / 1000)
}

function textOf(ways: readonly Way[], rates: ReadonlyMap<string, readonly number[]>): string {
  const rows = ways.map(({ what, against }) => {
    const ratios = against
      ? rates.get(what)!.map((rate, turn) => rate / rates.get(against)![turn]!)
      : []
    return [what, spread(rates.get(what)!), against === undefined ? '' : spread(ratios)]
  })
  return (
    `Files of ${SIZE / 1024} KB: PUT and GET over ${CONNECTIONS} connections of wrk, which takes next to no time itself; ` +
    `${COUNT.toLocaleString('en')} of them in a request, from one connection of Node.js; a folder of ` +
    `${FOLDER.toLocaleString('en')} from the command line, its start included.\n\n` +
    table(['', 'files/s', '÷ PUT or GET'], rows)
  )
}
