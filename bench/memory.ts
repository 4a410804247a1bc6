import { createHash } from 'node:crypto'
import { type Contender, startBlobcached, startMemcached } from './contenders.ts'
import { usage } from './processes.ts'
import { type Section, table } from './section.ts'
import { round } from './statistics.ts'
import { wrk } from './wrk.ts'

const GIGABYTE = 1_000_000_000

/** Measures the peak RSS of a new server process under each load. */
export async function memorySection(seconds: number): Promise<Section> {
  const memcached = await startMemcached(4096)
  const rows: string[][] = []
  const peak = async (what: string, work: (server: Contender) => Promise<void>) => {
    const server = await startBlobcached('blobcached', memcached.port)
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
    await peak('256 clients reading 16 MB', async ({ url }) => {
      await upload(`${url}/files/medium`, 16_000_000)
      for (let i = 0; i < 8; i++) await upload(`${url}/files/medium/${i}`, 16_000_000 + i)
      const paths = Array.from({ length: 8 }, (_, i) => `/files/medium/${i}`)
      await wrk({ url, paths, connections: 256, seconds: seconds * 3 }, 16_000_000)
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
