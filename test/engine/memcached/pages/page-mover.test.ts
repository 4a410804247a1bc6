import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { memcached } from '../../../../src/engine/memcached/index.ts'
import { CLAIM_KEY } from '../../../../src/engine/memcached/pages/page-mover.ts'
import { FaultProxy } from '../../../helpers/fault-proxy.ts'
import { watched } from '../../../helpers/watchdog.ts'
import { rig, whole } from '../harness.ts'
import {
  after,
  alone,
  fillWithLarge,
  keys,
  LARGE,
  listen,
  lost,
  movedPages,
  PATIENT,
  press,
  SMALL,
  store,
} from './harness.ts'

const ALONE = alone()
const REFUSES = alone(',no_slab_reassign')

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
  await press(engine, () => heard.count('slabs') >= 3)
  t.true(heard.count('slabs') >= 3)
  t.is(proxy.count, 1)
  t.is(await server.raw.get(CLAIM_KEY), undefined)
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

test('the claim outlasts the rest of those that were given pages', async (t) => {
  const { engine, server } = await rig(t, PATIENT, ALONE)
  const otherProxy = await FaultProxy.start(t, server.address)
  const other = memcached(otherProxy.address, PATIENT)
  t.teardown(() => other.close())
  await fillWithLarge(engine)
  await press(engine, async () => (await movedPages(server)) >= 8)
  await sleep(1100) // The last of its looks is over.
  const moved = await movedPages(server)
  const heard = listen(otherProxy)
  // They want those pages back, and to the other process nothing speaks against it.
  const isOver = after(9000 - 1100)
  for (let i = 0; !isOver(); i++) {
    await store(other, LARGE, keys(`more-${i}-`, 8))
    await sleep(250)
  }
  t.true(heard.count('slabs') > 2, 'it looks')
  t.is(heard.count('slabs reassign'), 0)
  t.is(await movedPages(server), moved)
})
