import test, { type ExecutionContext } from 'ava'
import { Digest, FileStore, memory } from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { deferred, turns } from '../../helpers/deferred.ts'
import { FaultyEngine } from '../../helpers/faulty-engine.ts'

const content = bytes('prefetch by name', 900)
const nameKey = `n:${Digest.of(Buffer.from('a')).hex}`
const chunkKey = (content: Buffer) => `c:${Digest.of(content).hex}`

/** A store whose links are held back until the test says so, and the keys it has asked for. */
async function start(content: Buffer, options = {}) {
  const engine = new FaultyEngine(memory())
  const store = new FileStore(engine, { chunkSize: 1000, ...options })
  await store.put(content, { name: 'a' })
  const asked: string[] = []
  let gate = deferred()
  engine.get = async (key, prove, options) => {
    asked.push(key)
    if (key === nameKey) await gate.promise
    return engine.inner.get(key, prove, options)
  }
  /** What is asked for before the link is there, what after that, and the bytes. */
  const read = async () => {
    asked.length = 0
    gate = deferred()
    const finding = store.find('a', { prefetch: true })
    await turns()
    const before = [...asked]
    gate.resolve()
    const bytes = await (await finding).bytes()
    return { before, after: asked.slice(before.length), bytes }
  }
  return { engine, store, read }
}

/** As somebody else would, who tells this store nothing. */
async function replace(engine: FaultyEngine, content: Buffer): Promise<void> {
  await new FileStore(engine.inner, { chunkSize: 1000 }).put(content, { name: 'a' })
}

test('a small file is fetched along with its link from the second read on', async (t) => {
  const { store, read } = await start(content)
  const first = { before: [nameKey], after: [chunkKey(content)], bytes: content }
  t.deepEqual(await read(), first)
  for (let i = 0; i < 3; i++) {
    const { before, after, bytes } = await read()
    t.deepEqual(before.sort(), [chunkKey(content), nameKey].sort(), 'both at once')
    t.deepEqual(after, [], 'and nothing twice')
    t.deepEqual(bytes, content)
    t.is(store.memoryUsage.used, 0)
  }
})

test('who does not ask for it gets nothing fetched ahead', async (t) => {
  const { store, engine, read } = await start(content)
  await read()
  const asked: string[] = []
  engine.get = (key, prove, options) => {
    asked.push(key)
    return engine.inner.get(key, prove, options)
  }
  await store.find('a')
  t.deepEqual(asked, [nameKey])
})

async function assertNotGuessed(t: ExecutionContext, content: Buffer, chunkSize: number) {
  const { store, read } = await start(content, { chunkSize })
  for (let i = 0; i < 3; i++) {
    const { before, bytes } = await read()
    t.deepEqual(before, [nameKey], `${content.length} bytes`)
    t.deepEqual(bytes, content)
  }
  t.is(store.memoryUsage.used, 0)
}

test('files over 64 KiB, of several chunks and of none are not guessed', async (t) => {
  await assertNotGuessed(t, bytes('large', 64 * 1024 + 1), 100_000)
  await assertNotGuessed(t, bytes('several', 2500), 1000)
  await assertNotGuessed(t, Buffer.alloc(0), 1000)
})

test('a file of 64 KiB is guessed', async (t) => {
  const content = bytes('large', 64 * 1024)
  const { read } = await start(content, { chunkSize: 100_000 })
  await read()
  const { before, bytes: read2 } = await read()
  t.is(before.length, 2)
  t.deepEqual(read2, content)
})

for (const [what, other] of [
  ['another file', bytes('other', 900)],
  ['a file of another size', bytes('other', 17)],
  ['a file of several chunks', bytes('other', 2500)],
  ['a file that begins with the same chunk', Buffer.concat([bytes('whole', 1000), content])],
  ['an empty file', Buffer.alloc(0)],
] as const) {
  test(`where the guess is wrong, the link says what is read: ${what}`, async (t) => {
    const old = other.length === 1900 ? other.subarray(0, 1000) : content
    const { engine, store, read } = await start(old)
    await read()
    await replace(engine, other)
    const wrong = await read()
    t.deepEqual(wrong.before.sort(), [chunkKey(old), nameKey].sort())
    t.deepEqual(wrong.bytes, other)
    t.deepEqual((await read()).bytes, other)
    t.is(store.memoryUsage.used, 0)
  })
}

test('a guess at what is gone, damaged or not to be had harms nobody', async (t) => {
  const other = bytes('other', 900)
  for (const [what, lose] of [
    ['gone', (engine: FaultyEngine) => engine.inner.delete(chunkKey(content))],
    ['damaged', (engine: FaultyEngine) => engine.inner.set(chunkKey(content), other)],
    [
      'not to be had',
      (engine: FaultyEngine) => {
        const { get } = engine
        engine.get = (key, prove, options) =>
          key === chunkKey(content) ? Promise.reject(new Error(what)) : get(key, prove, options)
      },
    ],
  ] as const) {
    const { engine, store, read } = await start(content)
    await read()
    await replace(engine, other)
    await lose(engine)
    t.deepEqual((await read()).bytes, other, what)
    t.is(store.memoryUsage.used, 0, what)
  }
})

test('a chunk that was lost is told of, though it was only guessed', async (t) => {
  const { engine, store, read } = await start(content)
  await read()
  await engine.inner.set(chunkKey(content), bytes('other', 900))
  await t.throwsAsync(read(), { code: 'corrupt' })
  await t.throwsAsync(read(), { code: 'evicted' })
  await replace(engine, content)
  t.deepEqual((await read()).bytes, content)
  t.is(store.memoryUsage.used, 0)
})

test('invariant 7: what was guessed is counted while it is on its way, by its size', async (t) => {
  const { engine, store, read } = await start(content)
  await read()
  const chunk = deferred()
  const { get } = engine
  engine.get = async (key, prove, options) => {
    if (key.startsWith('c:')) await chunk.promise
    return get(key, prove, options)
  }
  await engine.inner.delete(nameKey)
  await t.throwsAsync(store.find('a', { prefetch: true }), { code: 'not-found' })
  t.is(store.memoryUsage.used, content.length)
  chunk.resolve()
  await turns()
  t.is(store.memoryUsage.used, 0)
})

test('invariant 7: nothing is guessed where there is no memory left for it', async (t) => {
  const memory = { total: 6000, perRead: 2000 }
  const { store, read } = await start(content, { memory })
  await read()
  const { hash } = await store.put(bytes('large', 2000))
  const held = await (await store.find(hash)).prepare()
  t.deepEqual((await read()).before, [nameKey])
  held.close()
  t.is((await read()).before.length, 2)
})
