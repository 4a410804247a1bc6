import { hash, randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { startMemcached } from './contenders.ts'
import { type Section, table } from './section.ts'
import { round } from './statistics.ts'

/** Measures what this machine can do at most, on one core each. */
export async function limitsSection(seconds: number): Promise<Section> {
  const rows = [
    ['SHA-256, 524,038 B at a time', round(hashing(524_038, seconds))],
    ['SHA-256, 4 KB at a time', round(hashing(4096, seconds))],
    ['memcached to a sink, 500 KB values', round(await draining(500_000, seconds))],
  ]
  return { title: 'The limits of this machine', text: table(['', 'MB/s'], rows) }
}

function hashing(size: number, seconds: number): number {
  const bytes = randomBytes(size)
  const end = performance.now() + seconds * 1000
  let count = 0
  const start = performance.now()
  while (performance.now() < end) {
    hash('sha256', bytes, 'buffer')
    count++
  }
  return (count * size) / 1e3 / (performance.now() - start)
}

/** Reads values through the text protocol and discards them. */
async function draining(size: number, seconds: number): Promise<number> {
  const memcached = await startMemcached(64)
  const socket = connect({
    port: memcached.port,
    host: '127.0.0.1',
    onread: { buffer: Buffer.alloc(1 << 20), callback: (length) => onRead(length) },
  })
  let received = 0
  let onRead = (_length: number) => true
  const answered = (bytes: number) =>
    new Promise<void>((resolve) => {
      let left = bytes
      onRead = (length) => {
        left -= length
        if (left <= 0) resolve()
        return true
      }
    })
  socket.write(`set k 0 0 ${size}\r\n`)
  socket.write(randomBytes(size))
  const stored = answered('STORED\r\n'.length)
  socket.write('\r\n')
  await stored
  const answer = `VALUE k 0 ${size}\r\n`.length + size + '\r\nEND\r\n'.length
  const start = performance.now()
  while (performance.now() - start < seconds * 1000) {
    const all = answered(answer * 16)
    socket.write('get k\r\n'.repeat(16))
    await all
    received += size * 16
  }
  const speed = received / 1e3 / (performance.now() - start)
  socket.destroy()
  await memcached.stop()
  return speed
}
