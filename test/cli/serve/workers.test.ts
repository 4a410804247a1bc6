import { readFileSync } from 'node:fs'
import test from 'ava'
import { bytes } from '../../helpers/bytes.ts'
import { cliFor } from '../../helpers/cli.ts'
import { startMemcached } from '../../helpers/memcached.ts'
import { connectRaw } from '../../helpers/raw-http.ts'
import { startServe } from '../../helpers/serve.ts'
import { until } from '../../helpers/watchdog.ts'

/** The workers of a primary; Linux tells. */
function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
  return text.trim().split(' ').filter(Boolean).map(Number)
}

/** A new connection each time, so that each worker gets its turn. */
const once = { headers: { connection: 'close' } }

test('workers share the port and the files, and one tells the metrics of all', async (t) => {
  const memcached = await startMemcached(t)
  const serving = await startServe(t, ['--workers', '2', '--memcached', memcached.address])
  t.is(childrenOf(serving.pid).length, 2)
  const content = bytes('workers', 10_000)
  const url = `${serving.url}/files/shared`
  t.is((await fetch(url, { ...once, method: 'PUT', body: new Uint8Array(content) })).status, 201)
  for (let i = 0; i < 20; i++) {
    const answer = await fetch(url, once)
    t.is(answer.status, 200)
    t.deepEqual(Buffer.from(await answer.arrayBuffer()), content)
  }
  const metrics = await (await fetch(`${serving.url}/metrics`, once)).text()
  const reads = /http_requests_total\{route="\/files\/\*name",method="GET",status="200"\} (\d+)/
  t.is(reads.exec(metrics)?.[1], '20')
  const items = /blobcached_engine_items\{[^}]*\} (\d+)/.exec(metrics)?.[1]
  t.is(items, '3', 'what memcached tells is not told twice')
  serving.signal('SIGTERM')
  t.is((await serving.result).code, 0)
})

test('a worker that dies is replaced', async (t) => {
  const memcached = await startMemcached(t)
  const serving = await startServe(t, ['--workers', '2', '--memcached', memcached.address])
  const [victim] = childrenOf(serving.pid)
  process.kill(victim!, 'SIGKILL')
  t.is((await serving.logged('a worker died')).end, 'SIGKILL')
  const isReplaced = () => {
    const now = childrenOf(serving.pid)
    return now.length === 2 && !now.includes(victim!)
  }
  while (!isReplaced()) await new Promise((resolve) => setTimeout(resolve, 20))
  t.is((await fetch(`${serving.url}/readyz`, once)).status, 200)
})

test('the death of the primary ends the workers', async (t) => {
  const memcached = await startMemcached(t)
  const serving = await startServe(t, ['--workers', '2', '--memcached', memcached.address])
  const workers = childrenOf(serving.pid)
  serving.signal('SIGKILL')
  await serving.result
  const isAlive = (pid: number) => {
    try {
      return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')
    } catch {
      return false
    }
  }
  while (workers.some(isAlive)) await new Promise((resolve) => setTimeout(resolve, 20))
  t.pass()
})

test('several workers without a memcached are refused: each would have files of its own', async (t) => {
  const cli = await cliFor(t, { url: '' })
  const { code, stderr } = await cli.run(['serve', '--workers', '2', '--port', '0'])
  t.is(code, 2)
  t.regex(stderr, /--workers.*--memcached/)
})

test('a worker that does not answer is replaced', async (t) => {
  const memcached = await startMemcached(t)
  const serving = await startServe(t, ['--workers', '2', '--memcached', memcached.address])
  const [victim] = childrenOf(serving.pid)
  process.kill(victim!, 'SIGSTOP')
  t.is((await serving.logged('a worker does not answer, and is replaced')).worker, victim)
  t.is((await serving.logged('a worker died')).end, 'SIGKILL')
})

test.serial(
  'more connections than twice the limit are dropped at once, and leave nothing behind',
  async (t) => {
    const memcached = await startMemcached(t)
    const limits = ['--max-connections', '20', '--memcached', memcached.address]
    const serving = await startServe(t, ['--workers', '2', ...limits])
    const clients = await Promise.all(Array.from({ length: 200 }, () => connectRaw(t, serving.url)))
    await until('the surplus to be dropped', () => clients.filter((c) => c.isClosed).length >= 120)
    for (const client of clients) client.socket.destroy()
    const isServing = async () => (await fetch(`${serving.url}/readyz`, once)).status === 200
    await until('the workers to serve', isServing)
    for (let i = 0; i < 4; i++) t.true(await isServing())
  },
)
