import test, { type ExecutionContext } from 'ava'
import { Digest, FileStore, memory } from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { deferred, turns } from '../../helpers/deferred.ts'
import { FaultyEngine } from '../../helpers/faulty-engine.ts'

const content = bytes('prefetch', 900)
const other = bytes('other', 900)
const nameKey = `n:${Digest.of(Buffer.from('a')).hex}`
const hashOf = (content: Buffer) => Digest.of(content).hex
const chunkKey = (content: Buffer) => `c:${hashOf(content)}`

/** A store whose links are held back until the test says so, and the keys it has asked for. */
async function start(content: Buffer, options = {}) {
  const engine = new FaultyEngine(memory())
  const store = new FileStore(engine, { chunkSize: 1000, ...options })
  const { hash } = await store.put(content, { name: 'a' })
  const asked: string[] = []
  let gate = deferred()
  engine.get = async (key, prove, options) => {
    asked.push(key)
    if (!key.startsWith('c:')) await gate.promise
    return engine.inner.get(key, prove, options)
  }
  /** What is asked for before the link is there, what after that, and the bytes. */
  const read = async (by: 'name' | 'hash' = 'name') => {
    asked.length = 0
    gate = deferred()
    const finding = store.find(by === 'name' ? 'a' : { hash }, { prefetch: true })
    await turns()
    const before = [...asked].sort()
    gate.resolve()
    const bytes = await (await finding).bytes()
    return { before, after: asked.slice(before.length), bytes }
  }
  const open = () => gate.resolve()
  return { engine, store, hash, asked, read, open }
}

/** As another process does, which this store knows nothing of. */
async function replace(engine: FaultyEngine, content: Buffer): Promise<void> {
  await new FileStore(engine.inner, { chunkSize: 1000 }).put(content, { name: 'a' })
}

test('by name, a small file is fetched along with its link from the second read on', async (t) => {
  const { read } = await start(content)
  t.deepEqual(await read(), { before: [nameKey], after: [chunkKey(content)], bytes: content })
})

for (const by of ['name', 'hash'] as const) {
  const started = async (options = {}) => {
    const all = await start(content, options)
    if (by === 'name') await all.read()
    const linkKey = by === 'name' ? nameKey : `h:${all.hash}`
    return { ...all, linkKey, both: [chunkKey(content), linkKey].sort() }
  }

  test(`by ${by}: a small file is fetched along with its link, and nothing twice`, async (t) => {
    const { store, read, both } = await started()
    for (let i = 0; i < 3; i++) {
      t.deepEqual(await read(by), { before: both, after: [], bytes: content })
      t.is(store.memoryUsage.used, 0)
    }
  })

  test(`by ${by}: a chunk that is wrong is corrupt, one that is gone is evicted`, async (t) => {
    const { engine, store, read } = await started()
    await engine.inner.set(chunkKey(content), other)
    await t.throwsAsync(read(by), { code: 'corrupt' })
    await t.throwsAsync(read(by), { code: 'evicted' })
    await replace(engine, content)
    t.deepEqual((await read(by)).bytes, content)
    t.is(store.memoryUsage.used, 0)
  })

  test(`by ${by}: nothing is fetched ahead for who does not ask for it`, async (t) => {
    const { store, hash, asked, open, linkKey } = await started()
    asked.length = 0
    open()
    await store.find(by === 'name' ? 'a' : { hash })
    t.deepEqual(asked, [linkKey])
  })

  test(`invariant 7: nothing is fetched ahead by ${by} where there is no memory for it`, async (t) => {
    const { store, read, open, linkKey, both } = await started({
      memory: { total: 6000, perRead: 2000 },
    })
    const { hash } = await store.put(bytes('large', 2000))
    open()
    const held = await (await store.find(hash)).prepare()
    const { before, bytes: read1 } = await read(by)
    t.deepEqual(before, [linkKey])
    t.deepEqual(read1, content)
    held.close()
    t.deepEqual((await read(by)).before, both)
  })

  test(`invariant 7: the room of a chunk fetched ahead by ${by} goes on to its read`, async (t) => {
    const { store, hash, open } = await started()
    open()
    const find = () => store.find(by === 'name' ? 'a' : { hash }, { prefetch: true })
    const read = await (await find()).prepare()
    t.is(store.memoryUsage.used, content.length)
    await turns()
    t.is(store.memoryUsage.used, content.length)
    read.close()
    t.is(store.memoryUsage.used, 0)
    await find()
    await turns()
    t.is(store.memoryUsage.used, 0, 'of a file that is not read')
  })
}

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
  const { before, bytes: again } = await read()
  t.is(before.length, 2)
  t.deepEqual(again, content)
})

for (const [what, now] of [
  ['another file', other],
  ['a file of another size', bytes('other', 17)],
  ['a file of several chunks', bytes('other', 2500)],
  ['a file that begins with the same chunk', Buffer.concat([bytes('whole', 1000), content])],
  ['an empty file', Buffer.alloc(0)],
] as const) {
  test(`where the guess is wrong, the link says what is read: ${what}`, async (t) => {
    const old = now.length === 1900 ? now.subarray(0, 1000) : content
    const { engine, store, read } = await start(old)
    await read()
    await replace(engine, now)
    const wrong = await read()
    t.deepEqual(wrong.before, [chunkKey(old), nameKey].sort())
    t.deepEqual(wrong.bytes, now)
    t.deepEqual((await read()).bytes, now)
    await turns()
    t.is(store.memoryUsage.used, 0)
  })
}

test('a guess at what is gone, damaged or not to be had harms no read', async (t) => {
  const fail = async (engine: FaultyEngine) => {
    const { get } = engine
    engine.get = (key, prove, options) =>
      key === chunkKey(content) ? Promise.reject(new Error('no')) : get(key, prove, options)
  }
  for (const [what, lose] of [
    ['gone', (engine: FaultyEngine) => engine.inner.delete(chunkKey(content))],
    ['damaged', (engine: FaultyEngine) => engine.inner.set(chunkKey(content), other)],
    ['not to be had', fail],
  ] as const) {
    const { engine, store, read } = await start(content)
    await read()
    await replace(engine, other)
    await lose(engine)
    t.deepEqual((await read()).bytes, other, what)
    t.is(store.memoryUsage.used, 0, what)
  }
})

test('a file that is stored between the two looks is found', async (t) => {
  const { engine, read } = await start(content)
  const { get } = engine
  let looks = 0
  engine.get = async (key, prove, options) => {
    if (key.startsWith('c:') && ++looks === 1) return undefined
    return get(key, prove, options)
  }
  t.deepEqual((await read('hash')).bytes, content)
})

test('invariant 7: what is on its way is counted, by its size where that is known, and no longer', async (t) => {
  const { engine, store, hash, read, open } = await start(content)
  await read()
  const chunks = [deferred(), deferred()] as const
  const { get } = engine
  let asked = 0
  engine.get = async (key, prove, options) => {
    if (key.startsWith('c:')) await chunks[asked++]!.promise
    return get(key, prove, options)
  }
  open()
  await engine.inner.delete(nameKey)
  await t.throwsAsync(store.find('a', { prefetch: true }), { code: 'not-found' })
  t.is(store.memoryUsage.used, content.length)
  await t.throwsAsync(store.find('0'.repeat(64), { prefetch: true }), { code: 'not-found' })
  await store.find(hash, { prefetch: true }) // It shares the first fetch.
  t.is(store.memoryUsage.used, content.length + 2 * 1000)
  chunks[0].resolve()
  await turns()
  t.is(store.memoryUsage.used, 1000)
  chunks[1].reject(new Error('late'))
  await turns()
  t.is(store.memoryUsage.used, 0)
})
