import test from 'ava'
import { Fleet } from '../../../src/engine/fleet/fleet.ts'
import { type Engine, FileStore, memory } from '../../../src/index.ts'
import { FaultyEngine } from '../../helpers/faulty-engine.ts'

/** A store, and what it asks of its engine about links: what, by hash or by name, and for how long. */
function newStore() {
  const engine = new FaultyEngine(memory())
  const store = new FileStore(engine, { chunkSize: 1000 })
  const asked: string[] = []
  const note = (operation: string, key: string, ttl = 0) => {
    if (key.startsWith('c:')) return
    asked.push(`${operation} ${key.slice(0, 1)}${ttl === 0 ? '' : ` ${ttl}s`}`)
  }
  engine.get = (key, prove, options) => {
    note('get', key)
    return engine.inner.get(key, prove, options)
  }
  for (const operation of ['set', 'add'] as const) {
    engine[operation] = (key, value, options) => {
      note(operation, key, options?.ttl)
      return engine.inner[operation](key, value, options)
    }
  }
  engine.look = async (key) => {
    note('look', key)
    const { current, put } = await engine.inner.look!(key)
    const noted = (value: Buffer, ttl: number) => {
      note('put', key, ttl)
      return put(value, ttl)
    }
    return { current, put: noted }
  }
  const during = async (work: () => Promise<unknown>) => {
    asked.length = 0
    await work()
    return [...asked]
  }
  return { store, engine, during }
}

test('a named upload writes its link by hash in one trip, new or not, then the one by name', async (t) => {
  const { store, during } = newStore()
  const put = () => store.put('content', { name: 'a' })
  t.deepEqual(await during(put), ['set h', 'add n'])
  t.deepEqual(await during(put), ['set h', 'add n', 'set n'])
})

test('a named upload that ends looks how long the link by hash was to live, if there is one', async (t) => {
  const { store, during } = newStore()
  const put = () => store.put('content', { name: 'a', ttl: 60 })
  t.deepEqual(await during(put), ['add h 60s', 'add n 60s'])
  t.deepEqual(await during(put), ['add h 60s', 'look h', 'put h 60s', 'add n 60s', 'set n 60s'])
  const longer = () => store.put('content', { name: 'b', ttl: 3600 })
  t.deepEqual(await during(longer), ['add h 3600s', 'look h', 'put h 3600s', 'add n 3600s'])
})

test('an upload without a name finds out whether there was one', async (t) => {
  const { store, during } = newStore()
  const put = () => store.put('content')
  t.deepEqual(await during(put), ['add h'])
  t.deepEqual(await during(put), ['add h', 'set h'])
  t.false((await put()).created)
})

test('what is created is the name where there is one, and the hash where there is none', async (t) => {
  const { store } = newStore()
  const created = async (name?: string) => {
    return (await store.put('content', name === undefined ? {} : { name })).created
  }
  t.true(await created('a'), 'new name, new content')
  t.false(await created('a'))
  t.true(await created('b'), 'new name, old content')
  t.false(await created(), 'the hash is there by now')
  await store.delete('a')
  t.true(await created('a'))
})

for (const [what, before, after, expected] of [
  ['no end stays without', 0, 60, 0],
  ['a longer life is kept', 3600, 60, 3600],
  ['a shorter life gets longer', 60, 3600, 3600],
  ['an end is taken away', 60, 0, 0],
] as const) {
  const replaces = test.macro(async (t, newEngine: () => Engine) => {
    const store = new FileStore(newEngine())
    t.teardown(() => store.close())
    const { hash } = await store.put('content', { ttl: before })
    await store.put('content', { name: 'a', ttl: after })
    const { ttl } = await store.find({ hash })
    t.true(ttl <= expected && ttl >= expected - 5, `${ttl}`)
    t.is((await store.find('a')).ttl, after)
  })
  test(`a named upload replaces the link by hash: ${what}`, replaces, () => memory())
  test(`a named upload replaces all copies of the link by hash: ${what}`, replaces, () => {
    const servers = ['a', 'b'].map((name) => ({
      name,
      weight: 1,
      engine: new FaultyEngine(memory()),
    }))
    return new Fleet(servers, { replicas: 2 })
  })
}

test('of two uploads of the same content at once the longer life is kept', async (t) => {
  const { store, engine } = newStore()
  const { hash } = await store.put('content', { ttl: 10 })
  engine.look = async (key) => {
    const slot = await engine.inner.look!(key)
    engine.look = (key) => engine.inner.look!(key)
    await store.put('content', { ttl: 3600 })
    return slot
  }
  await store.put('content', { name: 'a', ttl: 60 })
  t.true((await store.find({ hash })).ttl > 3590)
})

test('a named upload heals a link by hash that is damaged', async (t) => {
  for (const ttl of [0, 60]) {
    const { store, engine } = newStore()
    const { hash } = await store.put('content')
    await engine.inner.set(`h:${hash}`, Buffer.from('forged'))
    await t.throwsAsync(store.find({ hash }), { code: 'corrupt' })
    await store.put('content', { name: 'a', ttl })
    t.is((await (await store.find({ hash })).bytes()).toString(), 'content')
  }
})

test('invariant 4: where the link by hash cannot be written, the name keeps its meaning', async (t) => {
  const { store, engine } = newStore()
  await store.put('old', { name: 'a' })
  const { set } = engine
  engine.set = async (key, value, options) => {
    if (key.startsWith('h:')) throw new Error('no')
    return set(key, value, options)
  }
  await t.throwsAsync(store.put('new', { name: 'a' }), { message: 'no' })
  t.is((await (await store.find('a')).bytes()).toString(), 'old')
})
