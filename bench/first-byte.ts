import { randomBytes } from 'node:crypto'
import { request } from 'node:http'
import type { Contender } from './contenders.ts'
import { type Section, table } from './section.ts'
import { median, percentile, round, sizeName } from './statistics.ts'

/** Time to the first byte of a body at low load: one request at a time on a warm connection. */
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
      const waits: number[] = []
      for (let i = 0; i < times; i++) waits.push(await firstByte(contender.url + path + query))
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

/** Milliseconds; the rest of the body is read too, so that nothing overlaps. */
function firstByte(url: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const start = performance.now()
    let wait: number | undefined
    request(url, (response) => {
      if (response.statusCode !== 200) reject(new Error(`${url}: ${response.statusCode}`))
      response.on('data', () => {
        wait ??= performance.now() - start
      })
      response.on('end', () => resolve(wait ?? Number.NaN))
      response.on('error', reject)
    })
      .on('error', reject)
      .end()
  })
}
