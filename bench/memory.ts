import { createHash } from 'node:crypto'
import { type Contender, startBlobcached, startMemcached } from './contenders.ts'
import { usage } from './processes.ts'
import { type Section, table } from './section.ts'
import { round } from './statistics.ts'
import { wrk } from './wrk.ts'

const GIGABYTE = 1_000_000_000
const SIZE = 16_000_000
const PATHS = Array.from({ length: 256 }, (_, index) => `/files/medium/${index}`)

/** Measures the peak RSS of a new server process under each load. */
export async function memorySection(seconds: number): Promise<Section> {
  const memcached = await startMemcached(6144)
  const rows: string[][] = []
  const peak = async (what: string, work: (server: Contender) => Promise<void>) => {
    const server = await startBlobcached('blobcached', `127.0.0.1:${memcached.port}`)
    try {
      await work(server)
      rows.push([what, round(usage(server).peakRss / 1e6)])
      console.error(`measured ${what}`)
    } finally {
      await server.stop()
    }
  }
  try {
    await peak('nothing', async () => {})
    await peak('2 GB up and down', async ({ url }) => {
      const digest = await upload(`${url}/files/large`, 2 * GIGABYTE)
      if ((await download(`${url}/files/large`)) !== digest)
        throw new Error('other bytes came back')
    })
    await peak('256 clients uploading files of 16 MB', async ({ url }) => {
      const load = { url, paths: PATHS, connections: 256, seconds: seconds * 3 }
      await wrk({ ...load, putBytes: SIZE }, SIZE)
    })
    await peak('256 clients reading 256 files of 16 MB', async ({ url }) => {
      for (const [index, path] of PATHS.entries()) await upload(url + path, SIZE + index)
      await wrk({ url, paths: PATHS, connections: 256, seconds: seconds * 3 }, SIZE)
    })
    await peak('256 clients reading 256 files of 4 KB', async ({ url }) => {
      for (const [index, path] of PATHS.entries()) await upload(`${url}${path}.small`, 4096 + index)
      const paths = PATHS.map((path) => `${path}.small`)
      await wrk({ url, paths, connections: 256, seconds: seconds * 3 }, 4096)
    })
  } finally {
    await memcached.stop()
  }
  return { title: 'Memory of the server', text: table(['', 'peak RSS, MB'], rows) }
}

async function upload(url: string, size: number): Promise<string> {
  const digest = createHash('sha256')
  const block = Buffer.alloc(1 << 20)
  async function* body() {
    for (let sent = 0; sent < size; sent += block.length) {
      block.writeDoubleBE(sent + size) // So that no two chunks are equal.
      const piece = Buffer.from(block.subarray(0, Math.min(block.length, size - sent)))
      digest.update(piece)
      yield piece
    }
  }
  const init = { method: 'PUT', body: body(), duplex: 'half' } as unknown as RequestInit
  const answer = await fetch(url, init)
  if (!answer.ok) throw new Error(`PUT ${url}: ${answer.status} ${await answer.text()}`)
  await answer.arrayBuffer()
  return digest.digest('hex')
}

async function download(url: string): Promise<string> {
  const digest = createHash('sha256')
  const answer = await fetch(url)
  if (!answer.ok) throw new Error(`GET ${url}: ${answer.status}`)
  for await (const piece of answer.body!) digest.update(piece as Uint8Array)
  return digest.digest('hex')
}
