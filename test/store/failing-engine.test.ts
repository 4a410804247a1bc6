import test from 'ava'
import { FileStore, memory, type StoredFile, UnavailableError } from '../../src/index.ts'
import { bytes } from '../helpers/bytes.ts'
import { deferred, turns } from '../helpers/deferred.ts'
import { FaultyEngine } from '../helpers/faulty-engine.ts'

const content = bytes('failing', 9500)

async function newStore() {
  const engine = new FaultyEngine(memory())
  const store = new FileStore(engine, { chunkSize: 1000 })
  await store.put(content, { name: 'a' })
  return { engine, store }
}

const down = async (): Promise<never> => {
  throw new UnavailableError('down')
}

test('invariant 4: an upload that fails at any call to the engine leaves the old file whole', async (t) => {
  const other = bytes('other', 5500)
  for (let failAt = 1; ; failAt++) {
    const { engine, store } = await newStore()
    let calls = 0
    const mayFail = <A extends unknown[], R>(call: (...args: A) => Promise<R>) => {
      return (...args: A) => (++calls === failAt ? down() : call(...args))
    }
    engine.set = mayFail(engine.set)
    engine.add = mayFail(engine.add)
    engine.touch = mayFail(engine.touch)
    const put = store.put(other, { name: 'a' }).catch((error) => error.code)
    const outcome = await put
    calls = Number.NEGATIVE_INFINITY
    t.deepEqual(store.memoryUsage, { ...store.memoryUsage, used: 0, waiting: 0 })
    const now = await (await store.get('a')).bytes()
    if (outcome !== 'unavailable') {
      t.true(failAt > 12, 'six chunks set, six touched, two links')
      t.deepEqual(now, other)
      return
    }
    t.deepEqual(now, content, `call ${failAt} failed`)
  }
})

async function streamed(file: StoredFile): Promise<void> {
  const whole = { start: 0, end: file.size }
  const read = await file.prepare([whole], { verify: 'stream' })
  try {
    for await (const _ of read.stream(whole));
  } finally {
    read.close()
  }
}

test('a read that fails at any chunk gives its memory back', async (t) => {
  for (let failAt = 1; failAt <= 10; failAt++) {
    const { engine, store } = await newStore()
    const file = await store.get('a')
    let calls = 0
    engine.get = (key, prove, options) =>
      ++calls === failAt ? down() : engine.inner.get(key, prove, options)
    for (const read of [
      () => file.bytes(),
      () => file.prepare(),
      () => file.verify(),
      () => streamed(file),
    ]) {
      calls = 0
      await t.throwsAsync(read(), { code: 'unavailable' })
      t.is(store.memoryUsage.used, 0)
    }
  }
})

test('invariant 5: chunks are written even where they seem to be there', async (t) => {
  const { engine, store } = await newStore()
  const written: string[] = []
  engine.set = (key, value, options) => {
    if (key.startsWith('c:')) written.push(key)
    return engine.inner.set(key, value, options)
  }
  await store.put(content, { name: 'b' })
  t.is(written.length, 10)
})

test('invariant 4: chunks, then their presence, then the link by hash, then the one by name', async (t) => {
  const { engine, store } = await newStore()
  const calls: string[] = []
  const logged = <A extends unknown[], R>(
    what: string,
    call: (key: string, ...rest: A) => Promise<R>,
  ) => {
    return (key: string, ...rest: A) => {
      calls.push(`${what} ${key[0]}`)
      return call(key, ...rest)
    }
  }
  engine.set = logged('set', engine.set)
  engine.add = logged('set', engine.add)
  engine.touch = logged('touch', engine.touch)
  await store.put(bytes('order', 2500), { name: 'new' })
  t.deepEqual(calls, [...Array(3).fill('set c'), ...Array(3).fill('touch c'), 'set h', 'set n'])
})

test('invariant 7: what is under way is bounded, and no buffer changes while it is written', async (t) => {
  const engine = new FaultyEngine(memory())
  const store = new FileStore(engine, { chunkSize: 1000, memory: { total: 16_000 } })
  const underway = new Set<Buffer>()
  let most = 0
  engine.set = async (key, value, options) => {
    const copy = Buffer.from(value)
    underway.add(value)
    most = Math.max(most, underway.size)
    await turns(2)
    t.deepEqual(value, copy, 'changed while it was written')
    underway.delete(value)
    return engine.inner.set(key, value, options)
  }
  const many = (function* () {
    for (let at = 0; at < 50_000; at += 100) yield bytes(at, 100)
  })()
  const { hash } = await store.put(many)
  t.true(most >= 2 && most <= 4, `${most} chunks under way`)
  t.is((await store.verify(hash)).state, 'intact')
})

test('an engine that is slow to fail does not outlive the upload', async (t) => {
  const { engine, store } = await newStore()
  const slow = deferred<number>()
  let calls = 0
  engine.set = () => (++calls === 1 ? slow.promise : down())
  let isDone = false
  const put = store.put(bytes('slow', 5000)).catch((error) => {
    isDone = true
    return error.code
  })
  await turns(5)
  t.false(isDone, 'its memory is still being written')
  slow.resolve(1)
  t.is(await put, 'unavailable')
  t.is(store.memoryUsage.used, 0)
})
