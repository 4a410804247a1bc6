import test from 'ava'
import {
  FileStore,
  memory,
  NotFoundError,
  PreconditionFailedError,
  type Receipt,
} from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { FaultyEngine } from '../../helpers/faulty-engine.ts'

test('nothing leads to staged content until it is committed', async (t) => {
  const store = new FileStore(memory(), { chunkSize: 1000 })
  const staged = await store.stage(bytes('staged', 2500))
  await t.throwsAsync(store.get(staged.digest), { instanceOf: NotFoundError })

  const receipt = await staged.commit({ name: 'a' })
  t.like(receipt, { hash: staged.digest.hex, size: 2500, chunks: 3, name: 'a', created: true })
  t.deepEqual(await (await store.get('a')).bytes(), bytes('staged', 2500))
  t.deepEqual(await (await store.get(staged.digest)).bytes(), bytes('staged', 2500))
})

test('commit finds out that a chunk is gone again', async (t) => {
  const engine = memory()
  const store = new FileStore(engine, { chunkSize: 1000 })
  const staged = await store.stage(bytes('gone', 900))
  await engine.delete(`c:${staged.digest.hex}`)
  await t.throwsAsync(staged.commit({ name: 'a' }), { code: 'insufficient-storage' })
  await t.throwsAsync(store.get('a'), { code: 'not-found' })
})

test.serial('confirm looks for a chunk only once it is no longer fresh', async (t) => {
  let now = 0
  const clock = performance.now
  performance.now = () => now
  t.teardown(() => {
    performance.now = clock
  })
  const engine = new FaultyEngine(memory())
  const touched: string[] = []
  engine.touch = (key, ttl) => {
    touched.push(key)
    return engine.inner.touch(key, ttl)
  }
  const store = new FileStore(engine, { chunkSize: 1000 })
  const [fresh, old, long] = [
    await store.stage(bytes('fresh', 900)),
    await store.stage(bytes('old', 900)),
    await store.stage(bytes('long', 1500)),
  ]
  await fresh.confirm()
  await fresh.commit()
  t.deepEqual(touched, [])
  await long.confirm()
  t.is(touched.splice(0).length, 2)

  now = 600
  await old.confirm()
  await old.commit()
  t.deepEqual(touched, [`c:${old.digest.hex}`])
})

test('a precondition is asked before the first byte is read', async (t) => {
  const store = new FileStore(memory())
  let isRead = false
  const source = (function* () {
    isRead = true
    yield Buffer.from('x')
  })()
  const precondition = async () => {
    throw new PreconditionFailedError('no')
  }
  await t.throwsAsync(store.put(source, { name: 'a', precondition }), {
    code: 'precondition-failed',
  })
  t.false(isRead)
})

test('a precondition that fails only after the last byte leaves what was there', async (t) => {
  const store = new FileStore(memory())
  await store.put('old', { name: 'a' })
  let asked = 0
  const precondition = async () => {
    if (++asked > 1) throw new PreconditionFailedError('changed in the meantime')
  }
  const put: Promise<Receipt> = store.put('new', { name: 'a', precondition })
  await t.throwsAsync(put, { code: 'precondition-failed' })
  t.is((await (await store.get('a')).bytes()).toString(), 'old')
})
