import test from 'ava'
import { type Engine, FileStore, memory } from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'

function storeWith(engine: Engine = memory()): FileStore {
  return new FileStore(engine, { chunkSize: 1000 })
}

test('link names content that is stored, without its bytes', async (t) => {
  const store = storeWith()
  const content = bytes('link', 3500)
  const { hash } = await store.put(content)

  const receipt = await store.link(hash, {
    name: 'a/b',
    type: 'text/plain',
    attributes: { x: 'y' },
  })

  t.like(receipt, { hash, size: 3500, chunks: 4, name: 'a/b', type: 'text/plain', created: true })
  const file = await store.get({ name: 'a/b' })
  t.true((await file.bytes()).equals(content))
  t.is(file.type, 'text/plain')
  t.deepEqual(file.attributes, { x: 'y' })
})

test('link flips a name from one content to another', async (t) => {
  const store = storeWith()
  await store.put('old', { name: 'n' })
  const { hash } = await store.put('new')

  t.false((await store.link(hash, { name: 'n' })).created)
  t.is((await (await store.get({ name: 'n' })).bytes()).toString(), 'new')
})

test('link refuses what could not be served, and the name keeps its meaning', async (t) => {
  const engine = memory()
  const store = storeWith(engine)
  await store.put('old', { name: 'n' })
  const { hash } = await store.put(bytes('gone', 2500))
  const { chunks } = await store.verify(hash)

  await t.throwsAsync(store.link('0'.repeat(64), { name: 'n' }), { code: 'not-found' })
  await engine.delete(`c:${chunks[1]!.hash}`)
  await t.throwsAsync(store.link(hash, { name: 'n' }), { code: 'evicted' })
  await engine.set(`h:${hash}`, Buffer.from('forged'))
  await t.throwsAsync(store.link(hash, { name: 'n' }), { code: 'corrupt' })
  await t.throwsAsync(store.link('not a hash', { name: 'n' }), { code: 'bad-request' })

  t.is((await (await store.get({ name: 'n' })).bytes()).toString(), 'old')
})

test('link with createOnly leaves a readable file alone', async (t) => {
  const store = storeWith()
  await store.put('old', { name: 'n' })
  const { hash } = await store.put('new')

  await t.throwsAsync(store.link(hash, { name: 'n', createOnly: true }), { code: 'exists' })
  t.is((await (await store.get({ name: 'n' })).bytes()).toString(), 'old')
  t.true((await store.link(hash, { name: 'm', createOnly: true })).created)
})

test('link gives the content the longer of both lives', async (t) => {
  const store = storeWith()
  const { hash } = await store.put('content', { ttl: 60 })

  await store.link(hash, { name: 'long', ttl: 3600 })
  t.is((await store.get({ hash })).ttl, 3600)
  await store.link(hash, { name: 'short', ttl: 10 })
  t.true((await store.get({ hash })).ttl > 3000)
  t.is((await store.get({ name: 'short' })).ttl, 10)
})

test('link names a file that was found, without its link by hash, if its chunks are there', async (t) => {
  const store = storeWith()
  const { hash } = await store.put(bytes('found', 2500), { name: 'a' })
  const file = await store.find({ name: 'a' })
  await store.delete({ hash })

  t.is((await store.link(file, { name: 'b' })).hash, hash)
  t.is((await store.get({ name: 'b' })).hash, hash)
  t.is((await store.get({ hash })).size, 2500)

  const other = storeWith()
  await t.throwsAsync(other.link(file, { name: 'b' }), { code: 'evicted' })
  await t.throwsAsync(other.get({ name: 'b' }), { code: 'not-found' })
})
