import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import pMap from 'p-map'
import type { Engine } from '../../../src/engine/engine.ts'
import { memcached } from '../../../src/engine/memcached/index.ts'
import type { MemcachedOptions } from '../../../src/engine/memcached/options.ts'
import { LEASE_KEY } from '../../../src/engine/memcached/page-mover.ts'
import { FaultProxy } from '../../helpers/fault-proxy.ts'
import type { Memcached } from '../../helpers/memcached.ts'
import { watched } from '../../helpers/watchdog.ts'
import { rig, whole } from './harness.ts'

const PATIENT: MemcachedOptions = { timeoutMs: 5000, connectTimeoutMs: 5000 }
const MEMORY_MB = 64
/** Two of them fill a page, as chunks of the default size do. */
const LARGE = 524_038
const SMALL = 4096

/** Memcached moves nothing on its own, so that whatever moves was moved by us. */
const ALONE = { memoryMb: MEMORY_MB, args: ['-o', 'slab_automove=0'] }
const REFUSES = { memoryMb: MEMORY_MB, args: ['-o', 'slab_automove=0,no_slab_reassign'] }

async function store(engine: Engine, length: number, keys: readonly string[]) {
  await pMap(keys, (key) => engine.set(key, randomBytes(length)), { concurrency: 8 })
}

const keys = (kind: string, count: number) => Array.from({ length: count }, (_, i) => kind + i)

/** More large values than there is room for; resolves with their keys, the oldest first. */
async function fillWithLarge(engine: Engine): Promise<string[]> {
  const all = keys('large', MEMORY_MB * 2.5)
  await store(engine, LARGE, all)
  return all
}

/** Stores small values, more than a page of them each time, until `isDone`; their keys, in order. */
async function press(engine: Engine, isDone: () => boolean | Promise<boolean>): Promise<string[]> {
  const all: string[] = []
  const end = performance.now() + 30_000
  while (!(await isDone()) && performance.now() < end) {
    const some = keys(`small-${all.length}-`, 300)
    await store(engine, SMALL, some)
    all.push(...some)
    await sleep(250)
  }
  return all
}

const movedPages = async (server: Memcached) => Number((await server.raw.stats()).slabs_moved ?? 0)

async function lost(engine: Engine, all: readonly string[]): Promise<number> {
  const found = await pMap(all, (key) => engine.get(key, whole), { concurrency: 8 })
  return found.filter((value) => value === undefined).length
}

/** What is sent to memcached from now on, as one text. */
function listen(proxy: FaultProxy) {
  const heard = { text: '', count: (what: string) => heard.text.split(what).length - 1 }
  proxy.toServer = (bytes, _link, forward) => {
    if (bytes.length < 4096) heard.text += bytes.toString('latin1')
    forward(bytes)
  }
  return heard
}

const after = (ms: number) => {
  const end = performance.now() + ms
  return () => performance.now() > end
}

test('small values after a fill with large ones get the memory of the oldest', async (t) => {
  const { engine, server } = await rig(t, PATIENT, ALONE)
  const large = await fillWithLarge(engine)
  const small = await press(engine, async () => (await movedPages(server)) >= 8)
  t.true((await movedPages(server)) >= 8)
  const [stats] = await engine.stats()
  t.true(stats!.movedPages! >= 8)
  // Four pages at least hold some 900 of them; without a mover it would be one page, with 230.
  t.is(await lost(engine, small.slice(-600)), 0)
  t.is(await lost(engine, large.slice(-20)), 0)
  t.is((await server.raw.stats()).slab_reassign_evictions_nomem, '0', 'the oldest made room')
})

test('switched off, nothing is asked and nothing moves', async (t) => {
  const { engine, server, proxy } = await rig(t, { ...PATIENT, pageMover: false }, ALONE)
  await fillWithLarge(engine)
  const heard = listen(proxy)
  await press(engine, after(3500))
  t.is(proxy.count, 1)
  t.deepEqual([heard.count('items'), heard.count('slabs'), await movedPages(server)], [0, 0, 0])
})

test('nothing is asked of memcached while nothing is stored', async (t) => {
  const { engine, proxy } = await rig(t, PATIENT, ALONE)
  await store(engine, SMALL, ['key'])
  await sleep(1500)
  const heard = listen(proxy)
  for (let i = 0; i < 5; i++) {
    await engine.get('key', whole)
    await sleep(500)
  }
  t.deepEqual([heard.count('items'), heard.count('slabs'), proxy.count], [0, 0, 1])
})

test('while there is room, nothing but figures is asked for', async (t) => {
  const { engine, server, proxy } = await rig(t, PATIENT, ALONE)
  const heard = listen(proxy)
  await press(engine, after(3500))
  t.true(heard.count('slabs') >= 2)
  t.is(proxy.count, 1)
  t.is(await server.raw.get(LEASE_KEY), undefined)
})

test('a server that refuses is left alone', async (t) => {
  const { engine, proxy } = await rig(t, PATIENT, REFUSES)
  await fillWithLarge(engine)
  const heard = listen(proxy)
  await press(engine, () => heard.count('slabs reassign') > 0)
  heard.text = ''
  const small = await press(engine, after(3500))
  t.deepEqual([proxy.count, heard.count('items'), heard.count('slabs')], [2, 0, 0])
  t.is(await lost(engine, small.slice(-20)), 0)
})

test('a server that ends the second connection goes on working for all else', async (t) => {
  const { engine, proxy } = await rig(t, PATIENT, ALONE)
  await fillWithLarge(engine)
  proxy.onLink = ({ client }) => client.destroy()
  await press(engine, () => proxy.count > 1)
  t.is(proxy.count, 2)
  const small = await press(engine, after(3000))
  t.is(proxy.count, 2)
  t.is(await lost(engine, small.slice(-20)), 0)
})

test('close() amid the moves ends them, and nothing follows', async (t) => {
  const { engine, server, proxy } = await rig(t, PATIENT, ALONE)
  await fillWithLarge(engine)
  proxy.onLink = () => server.freeze()
  const pressing = press(engine, () => proxy.count > 1).catch(() => {})
  while (proxy.count < 2) await sleep(10)
  await watched('close', engine.close(), 3000)
  server.thaw()
  await pressing
  const moved = await movedPages(server)
  const heard = listen(proxy)
  await sleep(2500)
  t.deepEqual([proxy.count, heard.text, await movedPages(server)], [2, '', moved])
})

test('of two processes on one memcached, one moves', async (t) => {
  const { engine, server, proxy } = await rig(t, PATIENT, ALONE)
  const otherProxy = await FaultProxy.start(t, server.address)
  const other = memcached(otherProxy.address, PATIENT)
  t.teardown(() => other.close())
  await fillWithLarge(engine)
  await other.set('large', randomBytes(LARGE))
  const heard = [listen(proxy), listen(otherProxy)]
  const isDone = async () => (await movedPages(server)) >= 12
  await Promise.all([press(engine, isDone), press(other, isDone)])
  t.true(await isDone())
  const moves = heard.map((each) => each.count('slabs reassign') > 0)
  t.deepEqual(moves.toSorted(), [false, true])
})
