import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import type { Contender } from './contenders.ts'
import { type Section, table } from './section.ts'
import { median, percentile, round, sizeName } from './statistics.ts'

/** Measures the time to the first byte of a body: one request at a time on a warm connection. */
export async function firstByteSection(contenders: readonly Contender[]): Promise<Section> {
  const rows: string[][] = []
  for (const [size, query, times] of [
    [1_000_000, '', 200],
    [16_000_000, '', 30],
    [256_000_000, '', 5],
    [256_000_000, '?verify=stream', 30],
  ] as const) {
    for (const contender of contenders) {
      if (contender.kind === 'nginx' || (query !== '' && contender.kind !== 'blobcached')) continue
      const path = `/files/first-byte/${size}`
      await fetch(contender.url + path, { method: 'PUT', body: randomBytes(size) })
      const waits = await firstBytes(contender.url, path + query, size, times)
      rows.push([
        `${sizeName(size)} ${query}`,
        contender.name,
        round(median(waits)),
        round(percentile(waits, 0.99)),
      ])
    }
  }
  return { title: 'First byte', text: table(['', 'server', 'median ms', 'p99 ms'], rows) }
}

/**
 * Returns the milliseconds from each request to the first byte of its body. The rest is read before the next
 * request, so that none overlap. All bytes are received into the same memory: garbage of the client would
 * delay its next request more than some servers do.
 */
function firstBytes(url: string, path: string, size: number, times: number): Promise<number[]> {
  const { hostname, port, host } = new URL(url)
  return new Promise((resolve, reject) => {
    const waits: number[] = []
    const buffer = Buffer.allocUnsafe(256 * 1024)
    let startedAt = 0
    let head = ''
    let missing = size
    const ask = () => {
      head = ''
      missing = size
      startedAt = performance.now()
      socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
    }
    /** Counts the bytes of the body among those that arrived. */
    const bodyBytes = (length: number): number => {
      if (head.endsWith('\r\n\r\n')) return length
      const all = head + buffer.toString('latin1', 0, length)
      const end = all.indexOf('\r\n\r\n')
      head = end === -1 ? all : all.slice(0, end + 4)
      if (!head.startsWith('HTTP/1.1 200 ')) throw new Error(`${url}${path}: ${head}`)
      return all.length - head.length
    }
    const received = (length: number) => {
      const bytes = bodyBytes(length)
      if (bytes > 0 && missing === size) waits.push(performance.now() - startedAt)
      missing -= bytes
      if (missing > 0) return true
      if (waits.length < times) ask()
      else socket.destroy()
      return true
    }
    const onread = { buffer, callback: received }
    const socket = connect({ host: hostname, port: Number(port), onread }, ask)
    socket.on('error', reject)
    socket.on('close', () => {
      if (waits.length === times) resolve(waits)
      else reject(new Error(`${url}${path}: the connection ended early`))
    })
  })
}
