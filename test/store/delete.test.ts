import test, { type ExecutionContext } from 'ava'
import { Digest, FileStore, memory } from '../../src/index.ts'
import { bytes } from '../helpers/bytes.ts'
import { onEveryEngine, storeOnFleet } from '../helpers/engines.ts'
import { FaultyEngine } from '../helpers/faulty-engine.ts'
import { until } from '../helpers/watchdog.ts'

const content = bytes('delete', 2500)
const hash = Digest.of(content).hex
const readable = ['one', 'two', hash]

onEveryEngine(
  'invariant 6: deleting a link deletes no other link and no chunk',
  async (t, backend) => {
    const store = backend.store()
    for (const gone of readable) {
      await store.put(content, { name: 'one' })
      await store.put(content, { name: 'two' })
      t.true(await store.delete(gone))
      await t.throwsAsync(store.get(gone), { code: 'not-found' })
      t.false(await store.delete(gone))
      for (const other of readable.filter((ref) => ref !== gone)) {
        t.deepEqual(await (await store.get(other)).bytes(), content)
      }
    }
  },
)

onEveryEngine('purge takes the chunks along, and leaves the other links', async (t, backend) => {
  const store = backend.store()
  await store.put(content, { name: 'one' })
  await store.put(content, { name: 'two' })
  const { chunks } = await store.verify('one')
  t.true(await store.delete('one', { purge: true }))
  for (const { hash: chunk } of chunks) t.is(await backend.get(`c:${chunk}`), undefined)
  await t.throwsAsync(store.get('one'), { code: 'not-found' })
  await t.throwsAsync(store.get('two'), { code: 'evicted' })
  await t.throwsAsync(store.get(hash), { code: 'evicted' })
  t.false(await store.delete('one', { purge: true }))
})

onEveryEngine('what cannot be read can be deleted', async (t, backend) => {
  const store = backend.store()
  for (const purge of [false, true]) {
    await store.put(content, { name: 'one' })
    await backend.flip(`n:${Digest.of(Buffer.from('one')).hex}`, 100)
    t.true(await store.delete('one', { purge }))
    await t.throwsAsync(store.get('one'), { code: 'not-found' })
    t.deepEqual(await (await store.get(hash)).bytes(), content)
  }
})

async function deletesOnlyTheFound(t: ExecutionContext, store: FileStore): Promise<void> {
  await store.put('old', { name: 'a' })
  const old = await store.find('a')
  await until('another millisecond', () => Date.now() > old.storedAt.getTime())
  await store.put('new', { name: 'a' })
  t.false(await store.delete('a', { only: old }))
  const file = await store.get('a')
  t.is(await file.text(), 'new')
  t.true(await store.delete('a', { only: file }))
  await t.throwsAsync(store.get('a'), { code: 'not-found' })
  t.false(await store.delete('a', { only: file }))
  await store.put('newer', { name: 'a' })
  t.is(await (await store.get('a')).text(), 'newer')
}

test('a file that is stored again while it is purged keeps its chunks', async (t) => {
  const engine = new FaultyEngine(memory())
  const store = new FileStore(engine)
  await store.put(content, { name: 'a' })
  const only = await store.find('a')
  await until('another millisecond', () => Date.now() > only.storedAt.getTime())
  const look = engine.look!
  engine.look = async (key) => {
    engine.look = look
    await store.put(content, { name: 'a' })
    return look(key)
  }
  t.false(await store.delete('a', { only, purge: true }))
  t.deepEqual(await (await store.get('a')).bytes(), content)
})

const title = 'only the file that was found is deleted, where that is asked for'
onEveryEngine(title, (t, backend) => deletesOnlyTheFound(t, backend.store()))

test(`${title}, of a fleet`, async (t) => deletesOnlyTheFound(t, await storeOnFleet(t)))
