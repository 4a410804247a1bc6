/** A first look: GET and PUT of ours against the peers, in turn, in one run. */
import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import {
  type Contender,
  startBlobcached,
  startMemcached,
  startNginx,
  startRedisPeer,
} from './contenders.ts'
import { usage } from './processes.ts'
import { wrk } from './wrk.ts'

const sizes = (process.env.SIZES ?? '4096,65536,1000000,16000000').split(',').map(Number)
const seconds = Number(process.env.SECONDS_EACH ?? 3)
const rounds = Number(process.env.ROUNDS ?? 3)
const ops = (process.env.OPS ?? 'get,hash,put').split(',')

const memcached = await startMemcached(1024)
const values = await startMemcached(512)
const contenders: Contender[] = [
  await startNginx(values.port),
  await startRedisPeer(),
  await startBlobcached(
    'blobcached',
    memcached.port,
    (process.env.FLAGS ?? '').split(' ').filter(Boolean),
  ),
]
if (process.env.WORKERS)
  contenders.push(await startBlobcached('blobcached x2', memcached.port, ['--workers', '2']))

for (const size of sizes) {
  const count = Math.max(2, Math.min(64, Math.floor(64_000_000 / size)))
  const paths: string[] = []
  const hashes: string[] = []
  for (let i = 0; i < count; i++) {
    const body = randomBytes(size)
    const path = `/files/${size}/${i}`
    paths.push(path)
    if (size <= 1_000_000) await storeRaw(values.port, path, body)
    for (const { name, url } of contenders) {
      if (name.startsWith('nginx')) continue
      const answer = await fetch(url + path, { method: 'PUT', body })
      if (name.startsWith('blob'))
        hashes[i] = `/blobs/${((await answer.json()) as { hash: string }).hash}`
      else await answer.arrayBuffer()
    }
  }
  const connections = size > 4_000_000 ? 8 : 16
  for (const op of ops) {
    const results = new Map<string, number[]>()
    const notes = new Map<string, string>()
    for (let round = 0; round < rounds; round++) {
      for (const c of contenders) {
        if (size > c.maxBytes) continue
        if (op === 'put' && c.name.startsWith('nginx')) continue
        if (op === 'hash' && !c.name.startsWith('blob') && !c.name.startsWith('nginx')) continue
        const list =
          op === 'hash' && c.name.startsWith('blob')
            ? hashes
            : op === 'put'
              ? paths.map((p) => `${p}.put`)
              : paths
        const before = usage(c).cpu
        const r = await wrk(
          {
            url: c.url,
            paths: list,
            connections,
            seconds,
            ...(op === 'put' && { putBytes: size }),
          },
          size,
        )
        results.set(c.name, [...(results.get(c.name) ?? []), r.requestsPerSecond])
        const u = usage(c)
        notes.set(
          c.name,
          `p50 ${r.p50Ms.toFixed(1)} p99 ${r.p99Ms.toFixed(1)} err ${r.errors} rss ${(u.rss / 1e6).toFixed(0)} MB cpu ${((u.cpu - before) / seconds).toFixed(2)}`,
        )
      }
    }
    for (const [name, list] of results) {
      const rps = list.sort((a, b) => a - b)[list.length >> 1]!
      console.log(
        `${op} ${size} ${name}: ${rps.toFixed(0)} req/s ${((rps * size) / 1e6).toFixed(0)} MB/s  ${notes.get(name)}`,
      )
    }
  }
}
for (const c of [...contenders, memcached, values]) await c.stop()

function storeRaw(port: number, key: string, value: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', reject)
    socket.on('data', (text) => {
      socket.destroy()
      if (text.toString().startsWith('STORED')) resolve()
      else reject(new Error(text.toString()))
    })
    socket.write(`set ${key} 0 0 ${value.length}\r\n`)
    socket.write(value)
    socket.write('\r\n')
  })
}
