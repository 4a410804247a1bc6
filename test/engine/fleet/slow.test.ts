import test, { type ExecutionContext } from 'ava'
import { Fleet } from '../../../src/engine/fleet/fleet.ts'
import { parseAddresses } from '../../../src/engine/memcached/address.ts'
import { MemcachedEngine } from '../../../src/engine/memcached/engine.ts'
import { FileStore } from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { FaultProxy } from '../../helpers/fault-proxy.ts'
import { startMemcached } from '../../helpers/memcached.ts'
import { until } from './harness.ts'

const FILES = Array.from({ length: 12 }, (_, i) => ({
  name: `file ${i}`,
  content: bytes(i, 50_000),
}))
/** More than four times what the others take on a busy machine. */
const LATE_MS = 3000

/** Memcacheds behind proxies, and a store that waits for none of them longer than for the others. */
async function start(t: ExecutionContext, count: number, replicas: number) {
  const proxies: FaultProxy[] = []
  for (let i = 0; i < count; i++) {
    const { address } = await startMemcached(t, { memoryMb: 64 })
    proxies.push(await FaultProxy.start(t, address))
  }
  const members = proxies.map(({ address }, i) => ({
    name: `server ${i}`,
    weight: 1,
    engine: new MemcachedEngine(parseAddresses(address)[0]!, {
      timeoutMs: 10_000,
      connectTimeoutMs: 10_000,
      pageMover: false,
    }),
  }))
  const fleet = new Fleet(members, { replicas, patienceMs: 300 })
  const store = new FileStore(fleet, { chunkSize: 20_000 })
  t.teardown(() => store.close())
  return { proxies, store, fleet }
}

/** All answers come so late, though they come. */
function delay(proxy: FaultProxy, ms: number): void {
  proxy.toClient = (received, _link, forward) => {
    const copy = Buffer.from(received)
    setTimeout(() => forward(copy), ms)
  }
}

test('a server that answers late is waited for once, by writes, deletions and reads', async (t) => {
  const { proxies, store, fleet } = await start(t, 5, 2)
  for (const { name, content } of FILES) await store.put(content, { name })
  delay(proxies[0]!, LATE_MS)
  const begin = performance.now()
  for (const { name, content } of FILES) {
    t.true((await (await store.find(name)).bytes()).equals(content))
    await store.put(content, { name })
    t.true(await store.delete(name))
    await store.put(content, { name })
  }
  const took = performance.now() - begin
  t.true(took < 6 * LATE_MS, `${took} ms: some of ${4 * FILES.length} operations have waited`)
  t.log(`${Math.round(took)} ms for ${4 * FILES.length} operations`)
  t.false((await fleet.stats())[0]!.up)
  proxies[0]!.heal()
  await until('it is back', async () => (await fleet.stats())[0]!.up)
  for (const { name, content } of FILES) {
    t.true((await (await store.get(name)).bytes()).equals(content))
  }
})

test('where all servers are slow none is passed over', async (t) => {
  const { proxies, store, fleet } = await start(t, 3, 2)
  await store.put(FILES[0]!.content)
  for (const proxy of proxies) delay(proxy, 1000)
  await Promise.all(FILES.map(({ name, content }) => store.put(content, { name })))
  t.true((await fleet.stats()).every(({ up }) => up))
})

test('a server that comes and goes is not believed at once', async (t) => {
  const { proxies, store, fleet } = await start(t, 3, 2)
  await store.put(FILES[0]!.content)
  const [proxy] = proxies
  const back: number[] = []
  for (let i = 0; i < 5; i++) {
    proxy!.unlisten()
    proxy!.resetAll()
    await until('it is missed', async () => {
      await store.put(FILES[0]!.content)
      return !(await fleet.stats())[0]!.up
    })
    await proxy!.listen()
    const begin = performance.now()
    await until('it is back', async () => (await fleet.stats())[0]!.up)
    back.push(Math.round(performance.now() - begin))
  }
  t.log(`back after ${back.join(', ')} ms`)
  t.true(back.at(-1)! > 100, 'sixteen answers take a while')
})
