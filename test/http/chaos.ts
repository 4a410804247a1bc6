import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ExecutionContext } from 'ava'
import { memcached } from '../../src/index.ts'
import { bytes } from '../helpers/bytes.ts'
import { FaultProxy } from '../helpers/fault-proxy.ts'
import { breakSomething } from '../helpers/faults.ts'
import { startMemcached } from '../helpers/memcached.ts'
import { Random } from '../helpers/random.ts'
import { startTestServer } from '../helpers/server.ts'
import { watched } from '../helpers/watchdog.ts'

const CLIENTS = 32
const SIZES = [1, 100, 4096, 70_000, 524_038, 524_039, 1_000_000, 3_000_000, 20_000_000]
/** Far more than the server's own timeouts together, on a machine that has other things to do. */
const PATIENCE_MS = 30_000

/** Two contents for each name, so that one can replace the other. */
interface File {
  readonly path: string
  readonly contents: readonly Buffer[]
  readonly hashes: readonly string[]
}

/**
 * Random faults between the server and memcached, which `seed` repeats as far as the network lets them,
 * while clients read and write. Every answer is right bytes, or 404, or 503, or 507, or no answer.
 */
export async function chaos(t: ExecutionContext, seed: number, forMs: number): Promise<void> {
  t.log(`seed ${seed}`)
  const random = new Random(seed)
  const memcachedServer = await startMemcached(t, { memoryMb: 256 })
  const proxy = await FaultProxy.start(t, memcachedServer.address)
  const engine = memcached(proxy.address, { timeoutMs: 500, connectTimeoutMs: 500 })
  const server = await startTestServer(t, { engine, store: { memory: { perRead: 8 << 20 } } })
  const files = SIZES.flatMap((size) => [newFile(size, 'a'), newFile(size, 'b')])
  const answers = new Map<string, number>()
  let stop = false
  const client = async (dice: Random) => {
    while (!stop) {
      // Small files more often, as in life; large ones often enough.
      const file = files[Math.floor(dice.next() ** 1.5 * files.length)]!
      const answer = await watched(`${file.path}`, ask(server.url, file, dice), PATIENCE_MS)
      answers.set(answer, (answers.get(answer) ?? 0) + 1)
    }
  }
  const clients = Promise.all(
    Array.from({ length: CLIENTS }, (_, id) => client(new Random(seed * 1000 + id))),
  )
  clients.catch(() => {
    stop = true
  })
  for (const end = performance.now() + forMs; performance.now() < end && !stop; ) {
    await breakSomething({ server: memcachedServer, proxy, random })
    await sleep(random.below(300))
  }
  const back = performance.now()
  while (!(await fetch(`${server.url}/readyz`).then((answer) => answer.ok))) await sleep(10)
  const took = performance.now() - back
  stop = true
  await clients
  t.log(Object.fromEntries([...answers].sort()), `ready after ${Math.round(took)} ms`)
  t.true(took < 4000, `ready again after ${took} ms`)
  for (const file of files) {
    t.regex(await put(server.url + file.path, file, 0), /^PUT 20[01]$/, file.path)
    t.is(await get(server.url + file.path, file), 'GET 200', file.path)
  }
  t.is(server.store.memoryUsage.used, 0)
  t.is(server.store.memoryUsage.waiting, 0)
  // Those that only the proxy still holds open towards memcached are not ours.
  const open = () => proxy.links.filter(({ client }) => !client.destroyed).length
  for (const end = Date.now() + 5000; open() > 1 && Date.now() < end; ) await sleep(50)
  t.true(open() <= 1, `${open()} connections to memcached`)
}

function newFile(size: number, variant: string): File {
  const contents = [bytes(`${size}${variant}0`, size), bytes(`${size}${variant}1`, size)]
  return { path: `/files/chaos/${size}/${variant}`, contents, hashes: contents.map(sha256) }
}

const sha256 = (content: Uint8Array) => createHash('sha256').update(content).digest('hex')

/** Does one thing, checks what comes of it, and says what that was. */
async function ask(url: string, file: File, dice: Random): Promise<string> {
  const what = dice.below(10)
  if (what < 4) return put(url + file.path, file, dice.below(2))
  if (what < 7) return get(url + file.path, file)
  if (what < 8) return get(`${url}/blobs/${dice.pick(file.hashes)}`, file)
  if (what < 9) return request('HEAD', url + file.path, [200, 404, 503])
  return request('DELETE', url + file.path, [204, 404, 503])
}

async function put(url: string, { contents }: File, version: number): Promise<string> {
  const body = contents[version]!
  return request('PUT', url, [200, 201, 503, 507], { body: new Uint8Array(body) })
}

/** What comes whole must be one of the contents, and the one that the headers say. */
async function get(url: string, { hashes }: File): Promise<string> {
  return request('GET', url, [200, 404, 503], {}, (headers, body) => {
    const hash = sha256(body)
    if (!hashes.includes(hash)) throw new Error(`wrong bytes from ${url}`)
    if (headers.get('etag') !== `"${hash}"`) throw new Error(`another ETag at ${url}`)
  })
}

/** The status, or `cut` when the connection ended first: what came until then counts for nothing. */
async function request(
  method: string,
  url: string,
  allowed: readonly number[],
  init: RequestInit = {},
  check: (headers: Headers, body: Buffer) => void = () => {},
): Promise<string> {
  let answer: Response
  let body: Buffer
  try {
    answer = await fetch(url, { ...init, method })
    body = Buffer.from(await answer.arrayBuffer())
  } catch {
    await sleep(5)
    return `${method} cut`
  }
  const { status } = answer
  if (!allowed.includes(status)) throw new Error(`${method} ${url}: ${status} ${body}`)
  if (status === 200) check(answer.headers, body)
  if (status === 503) await sleep(5)
  return `${method} ${status}`
}
