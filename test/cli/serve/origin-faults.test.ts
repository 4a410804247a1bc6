import test, { type ExecutionContext } from 'ava'
import { Digest } from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { deferred } from '../../helpers/deferred.ts'
import { ask } from '../../helpers/http.ts'
import { type Memcached, startMemcached } from '../../helpers/memcached.ts'
import { scrape } from '../../helpers/metrics.ts'
import { startOrigin } from '../../helpers/origin.ts'
import { type Serving, startServe } from '../../helpers/serve.ts'
import { until, watched } from '../../helpers/watchdog.ts'

const CONTENT = bytes('content', 3_000_000)
const NAME = Digest.of(Buffer.from('f')).hex
const LINKS = [`n:${NAME}`, `h:${Digest.of(CONTENT).hex}`]
/** Of a lease, and some for a busy machine. */
const LIMIT_MS = 40_000

/** Two servers on one memcached, and an origin that stops in the middle of its first answer until `goOn`. */
async function startTwo(t: ExecutionContext) {
  t.timeout(120_000)
  const cache = await startMemcached(t)
  const origin = await startOrigin(t)
  const gate = deferred()
  origin.on('f', async (_, res) => {
    const isFirst = origin.count('f') === 1
    res.writeHead(200, { 'Content-Length': CONTENT.length })
    res.write(CONTENT.subarray(0, 2_000_000))
    if (isFirst) await gate.promise
    res.end(CONTENT.subarray(2_000_000))
  })
  const args = ['--memcached', cache.address, '--memcached-timeout', '5000', '--origin', origin.url]
  const [first, second] = await Promise.all([startServe(t, args), startServe(t, args)])
  return { cache, origin, first, second, goOn: gate.resolve }
}

/** Resolves with how each answer ended: its bytes and status, or that there was none. */
function askEach({ url }: Serving, count: number): Promise<unknown[]> {
  const one = async () => {
    const { status, body } = await ask(`${url}/files/f`)
    return status === 200 && body.equals(CONTENT) ? 'right' : `${status} ${body.subarray(0, 300)}`
  }
  const all = Array.from({ length: count }, () => one().catch(() => 'cut'))
  return watched('all answers', Promise.all(all), LIMIT_MS)
}

const right = (count: number) => Array(count).fill('right')

/** Waits until chunks are stored, and sees that nothing leads to them. */
async function untilHalf(t: ExecutionContext, cache: Memcached): Promise<void> {
  await until('chunks are stored', async () => Number((await cache.raw.stats()).curr_items) >= 3)
  for (const link of LINKS) t.is(await cache.raw.get(link), undefined)
}

/** Waits until twenty clients of either server do, and have looked for the file as often as they do at once. */
async function untilWaiting(cache: Memcached, ...servers: Serving[]): Promise<void> {
  const underWay = async ({ url }: Serving) =>
    (await scrape(url)).get('blobcached_http_requests_under_way')! >= 20
  const looks = async () => Number((await cache.raw.stats()).get_misses)
  await until('all have asked', async () =>
    (await Promise.all(servers.map(underWay))).every(Boolean),
  )
  const before = await looks()
  await until('the lease was looked at some times', async () => (await looks()) > before + 6)
}

test('a server that is killed in the middle of a fetch: another fetches, and no client of it waits long', async (t) => {
  const { cache, origin, first, second } = await startTwo(t)
  const ofFirst = askEach(first, 3)
  await untilHalf(t, cache)
  const ofSecond = askEach(second, 20)
  first.signal('SIGKILL')
  t.deepEqual(await ofFirst, ['cut', 'cut', 'cut'])
  t.deepEqual(await ofSecond, right(20))
  t.is(origin.count('f'), 2)
})

test('a server that is frozen in the middle of a fetch: another fetches, and both answer after that', async (t) => {
  const { cache, origin, first, second, goOn } = await startTwo(t)
  const ofFirst = askEach(first, 3)
  await untilHalf(t, cache)
  first.signal('SIGSTOP')
  t.deepEqual(await askEach(second, 20), right(20))
  goOn()
  first.signal('SIGCONT')
  t.deepEqual(await ofFirst, right(3))
  t.deepEqual(await askEach(second, 1), right(1))
  t.is(origin.count('f'), 2)
})

test('memcached that is restarted in the middle of a fetch: all clients are answered, by few fetches', async (t) => {
  const { cache, origin, first, second, goOn } = await startTwo(t)
  const ofFirst = askEach(first, 20)
  await untilHalf(t, cache)
  const ofSecond = askEach(second, 20)
  await untilWaiting(cache, first, second)
  await cache.restart()
  goOn()
  t.deepEqual(await ofFirst, right(20))
  t.deepEqual(await ofSecond, right(20))
  const count = origin.count('f')
  t.true(count <= 3, `${count} fetches: the first, one for either server`)
  for (const link of LINKS) t.truthy(await cache.raw.get(link))
})
