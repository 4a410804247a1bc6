import type { ExecutionContext } from 'ava'
import { ask } from './http.ts'

/** Returns the samples at /metrics: name and labels as written, and the value. */
export async function scrape(url: string): Promise<Map<string, number>> {
  const { status, text } = await ask(`${url}/metrics`)
  if (status !== 200) throw new Error(`/metrics: ${status}`)
  const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    samples.map((line) => {
      const at = line.lastIndexOf(' ')
      return [line.slice(0, at), Number(line.slice(at + 1))]
    }),
  )
}

/** Scrapes until the samples are there, since a request is counted after its answer. */
export async function expectSamples(
  t: ExecutionContext,
  url: string,
  expected: Record<string, number>,
) {
  for (const [name, value] of Object.entries(expected)) {
    let samples = await scrape(url)
    for (let tries = 0; samples.get(name) !== value && tries < 20; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 50))
      samples = await scrape(url)
    }
    t.is(samples.get(name), value, name)
  }
}
