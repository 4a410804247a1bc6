import { readFileSync } from 'node:fs'
import test, { type ExecutionContext } from 'ava'
import { bytes } from '../helpers/bytes.ts'
import { type Ask, ask } from '../helpers/http.ts'
import { startMemcached } from '../helpers/memcached.ts'
import { directory, field, message, outputDirectory } from '../helpers/protobuf.ts'
import { connectRaw, type RawHttp } from '../helpers/raw-http.ts'
import { type Serving, startServe } from '../helpers/serve.ts'

const MIB = 1024 * 1024
const BUDGET = 128 * MIB
const KEY = 'a'.repeat(64)
const FILE = bytes('large', 24_000_000)

/**
 * Asks whether the server is alive, and for a small file, again and again while `storm` goes on. Returns the
 * milliseconds that the first took, and the statuses of the other.
 */
async function askDuring({ url }: Serving, storm: Promise<unknown>) {
  const times: number[] = []
  const statuses = new Set<number>()
  let isOver = false
  void storm.catch(() => {}).finally(() => (isOver = true))
  while (!isOver) {
    const start = performance.now()
    const { status } = await ask(`${url}/healthz`)
    times.push(status === 200 ? performance.now() - start : Number.POSITIVE_INFINITY)
    statuses.add((await ask(`${url}/files/file%200`)).status)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  await storm
  return { times: times.sort((a, b) => a - b), statuses: [...statuses] }
}

/** Bytes that a process had in memory at most. */
function mostMemory(pid: number): number {
  return 1024 * Number(/VmHWM:\s*(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1])
}

const many = (count: number, work: (index: number) => Promise<unknown>) =>
  Promise.all(Array.from({ length: count }, (_, index) => work(index)))

/** Sends a request of a storm, which is answered, or refused for want of memory. */
async function askInStorm(t: ExecutionContext, url: string, options: Ask = {}) {
  const { status, text } = await ask(url, options)
  t.true([200, 207, 503].includes(status), `${url}: ${status} ${text.slice(0, 200)}`)
}

/** Sends requests over connections that take nothing, one after the other. */
async function readNothing(t: ExecutionContext, url: string, count: number, request: string) {
  const clients: RawHttp[] = []
  for (let i = 0; i < count; i++) {
    const client = await connectRaw(t, url)
    client.socket.pause()
    client.socket.write(request)
    clients.push(client)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  for (const { socket } of clients) socket.destroy()
}

async function storeAll({ url }: Serving) {
  const put = async (path: string, body: Buffer) => {
    const { status } = await ask(url + path, { method: 'PUT', body })
    if (status !== 201) throw new Error(`PUT ${path}: ${status}`)
  }
  await put('/files/large', FILE)
  await put('/files/medium', FILE.subarray(0, 8_000_000))
  const names = Array.from({ length: 1560 }, (_, index) => `file ${index}`)
  for (const name of names) await put(`/files/${encodeURIComponent(name)}`, Buffer.from(name))
  const files = directory(Object.fromEntries(names.map((name) => [name, name])))
  const trees = Array.from({ length: 16 }, (_, index) =>
    field(1, message(files, field(2, `${index}`))),
  )
  for (const [index, tree] of trees.entries()) await put(`/files/tree${index}`, tree)
  const result = trees.map((tree, index) => field(3, outputDirectory(`d${index}`, tree)))
  await put(`/ac/${KEY}`, message(...result))
}

type Storm = (t: ExecutionContext, url: string) => Promise<unknown>

const storms: Record<string, Storm> = {
  'action results that name large trees': (t, url) =>
    many(6, () => askInStorm(t, `${url}/ac/${KEY}`)),
  'lists of hashes': (t, url) => {
    const hashes = Array.from({ length: 10_000 }, (_, i) => i.toString(16).padStart(64, '0'))
    const body = JSON.stringify({ hashes })
    return many(20, () => askInStorm(t, `${url}/blobs/missing`, { method: 'POST', body }))
  },
  'several ranges that are not read': (t, url) => {
    const ranges = Array.from({ length: 100 }, (_, i) => `${i * 240_000}-${i * 240_000 + 50_000}`)
    const request = `GET /files/large HTTP/1.1\r\nHost: 127.0.0.1\r\nRange: bytes=${ranges}\r\n\r\n`
    return readNothing(t, url, 50, request)
  },
  'requests sent ahead that are not read': (t, url) =>
    readNothing(t, url, 40, 'GET /files/medium HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'.repeat(100)),
  'looks at a large file': (t, url) =>
    many(20, (i) => askInStorm(t, `${url}/files/large?${i % 2 ? 'health' : 'manifest'}`)),
  'HEAD and PROPFIND': (t, url) =>
    many(16, async () => {
      for (const method of Array.from({ length: 10 }, (_, i) => (i % 2 ? 'HEAD' : 'PROPFIND'))) {
        await askInStorm(t, `${url}/files/large`, { method, headers: { Depth: '0' } })
      }
    }),
}

test('invariant 7: whatever is asked for, memory is bounded and /healthz answers at once', async (t) => {
  t.timeout(120_000)
  const { address } = await startMemcached(t)
  const server = await startServe(t, ['--memcached', address, '--memory-budget', String(BUDGET)])
  await storeAll(server)
  // A busy machine answers late without a storm.
  const { times: calm } = await askDuring(
    server,
    new Promise((resolve) => setTimeout(resolve, 1000)),
  )
  const most = 100 + 4 * calm[Math.floor(calm.length / 2)]!
  for (const [what, storm] of Object.entries(storms)) {
    const { times, statuses } = await askDuring(server, storm(t, server.url))
    const median = times[Math.floor(times.length / 2)]!
    t.true(median < most, `${what}: ${Math.round(median)} ms of ${Math.round(most)}`)
    t.deepEqual(statuses, [200], what)
    const memory = mostMemory(server.pid)
    t.true(memory < 2 * BUDGET + 150 * MIB, `${what}: ${Math.round(memory / MIB)} MiB`)
  }
})
