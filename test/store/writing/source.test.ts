import { createReadStream } from 'node:fs'
import { PassThrough, Readable } from 'node:stream'
import test from 'ava'
import { FileStore, memcached, memory, type Source } from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { turns } from '../../helpers/deferred.ts'
import { FaultyEngine, hold } from '../../helpers/faulty-engine.ts'
import { startMemcached } from '../../helpers/memcached.ts'
import { KINDS } from '../../helpers/sources.ts'
import { watched } from '../../helpers/watchdog.ts'

const newStore = () => new FileStore(memory(), { chunkSize: 1000 })

for (const [kind, make] of Object.entries(KINDS)) {
  test(`${kind}: what goes in comes out`, async (t) => {
    for (const size of [0, 1, 999, 1000, 1001, 12_345]) {
      const store = newStore()
      const content = bytes(kind, size)
      const receipt = await store.put(make(content), { name: 'a' })
      t.is(receipt.size, size)
      t.deepEqual(await (await store.get('a')).bytes(), content)
      t.is(store.memoryUsage.used, 0)
    }
  })
}

test('a string is its UTF-8', async (t) => {
  const store = newStore()
  await store.put('grüße 🌍', { name: 'a' })
  t.is((await (await store.get('a')).bytes()).toString(), 'grüße 🌍')
})

const impossible: [string, unknown][] = [
  ['a number', 5],
  ['nothing', undefined],
  ['null', null],
  ['an object', { length: 3 }],
  ['a stream of strings', Readable.from(['a', 'b'])],
  ['an iterable of numbers', [1, 2, 3]],
  ['an ArrayBuffer', new ArrayBuffer(3)],
]
for (const [what, source] of impossible) {
  test(`${what} is no source`, async (t) => {
    const store = newStore()
    await t.throwsAsync(store.put(source as Source, { name: 'a' }), { code: 'bad-request' })
    await t.throwsAsync(store.get('a'), { code: 'not-found' })
    t.is(store.memoryUsage.used, 0)
  })
}

test('a stream that was read already is refused, not stored as an empty file', async (t) => {
  const store = newStore()
  const read = Readable.from([Buffer.from('x')])
  await store.put(read)
  await t.throwsAsync(store.put(read), { code: 'bad-request' })
  const destroyed = new Readable({ read() {} }).destroy()
  await t.throwsAsync(store.put(destroyed), { code: 'bad-request' })
  const locked = new Blob(['x']).stream()
  locked.getReader()
  await t.throwsAsync(store.put(locked), { code: 'bad-request' })
})

test('a source that has more or fewer bytes than was said is refused', async (t) => {
  const store = newStore()
  for (const size of [0, 1499, 1501, 5000]) {
    const put = store.put(KINDS.Readable!(bytes('size', 1500)), { name: 'a', size })
    await t.throwsAsync(put, { code: 'bad-request' })
    await t.throwsAsync(store.get('a'), { code: 'not-found' })
  }
  t.is((await store.put(KINDS.Readable!(bytes('size', 1500)), { size: 1500 })).size, 1500)
  t.is(store.memoryUsage.used, 0)
})

test('aborting ends the wait for a source that has nothing to give', async (t) => {
  const silent: Record<string, () => Source> = {
    Readable: () => new Readable({ read() {} }),
    ReadableStream: () => new ReadableStream(),
    'async iterable': () => ({
      [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }),
    }),
  }
  for (const [kind, make] of Object.entries(silent)) {
    const store = newStore()
    const controller = new AbortController()
    const put = store.put(make(), { name: 'a', signal: controller.signal })
    await turns()
    t.is(store.memoryUsage.used, 0, 'nothing came')
    controller.abort(new Error('enough'))
    await t.throwsAsync(watched(kind, put), { message: 'enough' })
    t.is(store.memoryUsage.used, 0)
  }
})

test('what is behind a source is freed when the upload fails, at whatever point', async (t) => {
  const failures: [string, Parameters<FileStore['put']>[1]][] = [
    ['before the first byte', { name: '' }],
    ['too large', { size: 20_000 }],
    ['aborted', { signal: AbortSignal.abort(new Error('no')) }],
    ['in the middle', {}],
  ]
  for (const [what, options] of failures) {
    const store = new FileStore(memory(), { chunkSize: 1000, maxFileSize: 10_000 })
    const readable = Readable.from([bytes(1, 6000), bytes(2, 6000)], { objectMode: false })
    await t.throwsAsync(store.put(readable, options), undefined, what)
    t.true(readable.destroyed, what)

    let cancelled = false
    const web = new ReadableStream({
      pull: (controller) => controller.enqueue(bytes(3, 6000)),
      cancel: () => {
        cancelled = true
      },
    })
    await t.throwsAsync(store.put(web, options), undefined, what)
    t.true(cancelled, what)
    t.is(store.memoryUsage.used, 0, what)
  }
})

test('a source that fails fails the upload with its own error, and leaves nothing', async (t) => {
  const failing = async function* () {
    yield bytes(1, 2500)
    throw new Error('disk on fire')
  }
  for (const make of [
    failing,
    () => Readable.from(failing()),
    () => ReadableStream.from(failing()),
  ]) {
    const store = newStore()
    await t.throwsAsync(store.put(make(), { name: 'a' }), { message: 'disk on fire' })
    await t.throwsAsync(store.get('a'), { code: 'not-found' })
    t.is(store.memoryUsage.used, 0)
  }
})

test('a stream that fails before it is read fails the upload, and nothing else', async (t) => {
  const { address } = await startMemcached(t)
  const store = new FileStore(memcached(address))
  t.teardown(() => store.close())
  await t.throwsAsync(store.put(createReadStream('/nonexistent')), { code: 'ENOENT' })
})

for (const [what, code] of [
  ['was aborted', 'enough'],
  ['has failed', 'no room'],
] as const) {
  test(`a stream that fails when the upload ${what} and waits for its last chunks harms nobody`, async (t) => {
    const engine = new FaultyEngine(memory())
    const { gate, asked } = hold(engine, { operation: 'set' })
    const held = engine.set
    let sets = 0
    engine.set = async (...args) => {
      if (++sets === 2 && what === 'has failed') throw new Error('no room')
      return held(...args)
    }
    const store = new FileStore(engine, { chunkSize: 1000 })
    const stream = new Readable({ read() {} })
    const controller = new AbortController()
    const put = store.put(stream, { signal: controller.signal })
    stream.push(bytes(what, 2500))
    await asked.promise
    await turns(10)
    if (what === 'was aborted') controller.abort(new Error('enough'))
    stream.push(bytes(what, 2500))
    await turns(10)
    stream.destroy(new Error('disk on fire'))
    await turns(10)
    gate.resolve()
    await t.throwsAsync(watched(what, put), { message: code })
    t.is(store.memoryUsage.used, 0)
  })
}

test('a stream that somebody waits to be readable is stored like any other', async (t) => {
  const store = newStore()
  const stream = new PassThrough()
  stream.on('readable', () => {})
  const content = bytes('readable', 2500)
  const put = store.put(stream, { name: 'a' })
  stream.write(content.subarray(0, 1200))
  await turns()
  stream.end(content.subarray(1200))
  await watched('put', put)
  t.deepEqual(await (await store.get('a')).bytes(), content)
  t.is(store.memoryUsage.used, 0)
})
