import { setTimeout as sleep } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import { FileStore, memcached } from '../../src/index.ts'
import { bytes } from '../helpers/bytes.ts'
import { type Memcached, startMemcached } from '../helpers/memcached.ts'
import { watched } from '../helpers/watchdog.ts'

const content = bytes('outage', 5500)

async function newStore(t: ExecutionContext) {
  const server = await startMemcached(t)
  const store = new FileStore(memcached(server.address), { chunkSize: 1000 })
  t.teardown(() => store.close())
  const { hash } = await store.put(content, { name: 'a' })
  const file = await store.get('a')
  const operations: Record<string, () => Promise<unknown>> = {
    put: () => store.put(content, { name: 'b' }),
    'put with a TTL': () => store.put(content, { name: 'b', ttl: 60 }),
    'create only': () => store.put(content, { name: 'b', createOnly: true }),
    get: () => store.get('a'),
    'find by hash': () => store.find(hash, { prefetch: true }),
    bytes: () => file.bytes(),
    prepare: () => file.prepare(),
    'prepare a stream': () => file.prepare(undefined, { verify: 'stream' }),
    verify: () => store.verify(hash),
    missing: () => store.missing([hash]),
    isReadable: () => store.isReadable('a'),
    delete: () => store.delete('c'),
    purge: () => store.delete('c', { purge: true }),
    ready: () => store.ready(),
  }
  return { server, store, operations }
}

async function assertRecovers(t: ExecutionContext, store: FileStore) {
  for (const deadline = Date.now() + 10_000; Date.now() < deadline; await sleep(20)) {
    if (
      await store.ready().then(
        () => true,
        () => false,
      )
    )
      break
  }
  await store.put(content, { name: 'after' })
  t.deepEqual(await (await store.get('after')).bytes(), content)
}

const outages: [
  string,
  (server: Memcached) => Promise<void>,
  (server: Memcached) => Promise<void>,
][] = [
  ['stopped', (server) => server.stop(), (server) => server.start()],
  ['frozen', async (server) => server.freeze(), async (server) => server.thaw()],
]
for (const [what, begin, end] of outages) {
  test(`invariant 3: memcached is ${what}: everything is unavailable, in time, until it is back`, async (t) => {
    const { server, store, operations } = await newStore(t)
    await begin(server)
    await Promise.all(
      Object.entries(operations).map(([name, run]) =>
        t.throwsAsync(watched(name, run()), { code: 'unavailable' }, name),
      ),
    )
    t.deepEqual(store.memoryUsage, { ...store.memoryUsage, used: 0, waiting: 0 })
    await end(server)
    await assertRecovers(t, store)
  })
}

test('invariant 3: a memcached that comes back empty has no files, which is no outage', async (t) => {
  const { server, store } = await newStore(t)
  await server.restart()
  await assertRecovers(t, store)
  await t.throwsAsync(store.get('a'), { code: 'not-found' })
})

test('invariant 3: after close everything is unavailable', async (t) => {
  const { store, operations } = await newStore(t)
  await store.close()
  await store.close()
  for (const [name, run] of Object.entries(operations)) {
    await t.throwsAsync(watched(name, run()), { code: 'unavailable' }, name)
  }
  t.is(store.memoryUsage.used, 0)
})
