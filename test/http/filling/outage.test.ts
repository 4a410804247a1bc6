import test from 'ava'
import { memcached } from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { startMemcached } from '../../helpers/memcached.ts'
import { assertProblem } from '../../helpers/problem.ts'
import { until, watched } from '../../helpers/watchdog.ts'
import { startFilled } from './setup.ts'

const SMALL = bytes('small', 3000)
const LARGE = bytes('large', 3_000_000)

test('while memcached is down what the origin has is handed on, and stored again after that', async (t) => {
  const backend = await startMemcached(t)
  const engine = memcached(backend.address)
  const { double, server, get } = await startFilled(t, {}, { engine, store: {} })
  const files = { small: SMALL, large: LARGE }
  for (const [name, content] of Object.entries(files)) double.file(name, content)
  await get('/files/small')
  for (const [begin, end] of [
    [() => backend.stop(), () => backend.start()],
    [async () => backend.freeze(), async () => backend.thaw()],
  ] as const) {
    await begin()
    for (const [name, content] of Object.entries(files)) {
      for (const method of ['GET', 'HEAD']) {
        const answer = await watched('an answer', get(`/files/${name}`, { method }))
        t.is(answer.status, 200)
        if (method === 'GET') t.true(answer.body.equals(content))
        t.is(answer.headers['cache-status'], 'blobcached; fwd=miss; detail=unavailable')
      }
    }
    assertProblem(t, await get('/files/none'), 503, 'unavailable')
    assertProblem(t, await get('/files/small', { method: 'PUT', body: 'x' }), 503, 'unavailable')
    await end()
    await until('memcached to be back', async () => (await get('/readyz')).status === 200)
    await get('/files/large')
    const status = async () => (await get('/files/large')).headers['cache-status']
    await until('it to be stored', async () => (await status()) === 'blobcached; hit')
    t.is(server.store.memoryUsage.used, 0)
  }
})

test('a file that is larger than memcached is handed on', async (t) => {
  const backend = await startMemcached(t, { memoryMb: 2 })
  const engine = memcached(backend.address)
  const { double, get } = await startFilled(t, {}, { engine, store: {} })
  const content = bytes('larger', 20_000_000)
  double.file('f', content)
  const answer = await watched('an answer', get('/files/f'))
  t.is(answer.status, 200)
  t.true(answer.body.equals(content))
})

test('memcached that stops in the middle of a fetch does not end it', async (t) => {
  const backend = await startMemcached(t)
  const engine = memcached(backend.address)
  const { double, server } = await startFilled(t, {}, { engine, store: {} })
  let goOn = () => {}
  double.on('f', (_, res) => {
    res.writeHead(200, { 'Content-Length': LARGE.length })
    res.write(LARGE.subarray(0, 1_500_000))
    goOn = () => res.end(LARGE.subarray(1_500_000))
  })
  const answer = await fetch(`${server.url}/files/f`)
  t.is(answer.status, 200)
  await backend.stop('SIGKILL')
  goOn()
  const body = await watched('the body', answer.arrayBuffer())
  t.true(Buffer.from(body).equals(LARGE))
})
