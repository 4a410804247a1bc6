import { setTimeout as sleep } from 'node:timers/promises'
import type { ExecutionContext } from 'ava'
import { memcached } from '../../src/index.ts'
import { type Memcached, startMemcached } from '../helpers/memcached.ts'
import { startTestServer } from '../helpers/server.ts'

/** What the server asks for; each tool sends it in the way of its own. */
export const TOKEN = 'let-me-in'

/** The server's address with the token in it, for tools that know no other way. */
export function withToken(url: string): string {
  return url.replace('//', `//user:${TOKEN}@`)
}

/** A server over a real memcached, and what befalls memcached. */
export interface Backend {
  readonly url: string
  readonly memcached: Memcached
}

export async function startBackend(t: ExecutionContext): Promise<Backend> {
  const server = await startMemcached(t)
  const engine = memcached(server.address, { timeoutMs: 500, connectTimeoutMs: 500 })
  const { url } = await startTestServer(t, { engine, access: { tokens: [TOKEN] } })
  return { url, memcached: server }
}

/** Resolves when the server finds its memcached again. */
export async function untilReady({ url }: Backend): Promise<void> {
  for (let tries = 0; !(await fetch(`${url}/readyz`)).ok; tries++) {
    if (tries === 200) throw new Error('the server does not find its memcached again')
    await sleep(50)
  }
}

/** Flips a bit in the middle of every chunk, or of every record that leads to chunks as well. */
export async function damage({ raw }: Memcached, kind: 'chunks' | 'all'): Promise<void> {
  const keys = await raw.keys()
  for (const key of keys.filter((key) => kind === 'all' || key.startsWith('c:'))) {
    const value = await raw.get(key)
    if (value === undefined) continue
    value[value.length >> 1]! ^= 1
    await raw.set(key, value)
  }
}

/** Deletes every other key. */
export async function evictHalf({ raw }: Memcached): Promise<void> {
  const keys = (await raw.keys()).sort()
  for (const key of keys.filter((_, index) => index % 2 === 0)) await raw.delete(key)
}
