import { createHash } from 'node:crypto'
import test from 'ava'
import {
  FileStore,
  type FillOptions,
  memcached,
  memory,
  type Produce,
  type ProducedFile,
  UnavailableError,
} from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { deferred } from '../../helpers/deferred.ts'
import { FaultyEngine, follow } from '../../helpers/faulty-engine.ts'
import { bufferBytes } from '../../helpers/garbage.ts'
import { startMemcached } from '../../helpers/memcached.ts'
import { until, watched } from '../../helpers/watchdog.ts'

const content = bytes('content', 3_000_001) // The last chunk and the last piece are not full.
const PIECE = 50_000

/** The content in pieces; from `gate` on when that is open. */
async function* source(gate = Promise.resolve(), from = 1_500_000) {
  for (let at = 0; at < content.length; at += PIECE) {
    if (at === from) await gate
    yield content.subarray(at, at + PIECE)
  }
}

async function started(
  store: FileStore,
  produce: Produce,
  options?: FillOptions,
): Promise<ProducedFile> {
  const { outcome, file } = await store.fill('a', produce, options)
  if (outcome !== 'filling' && outcome !== 'unstored') throw new Error(outcome)
  return file
}

async function readTo(end: number, pieces: AsyncGenerator<Buffer>): Promise<Buffer> {
  const got: Buffer[] = []
  let size = 0
  while (size < end) {
    const { value } = await pieces.next()
    if (value === undefined) break
    got.push(value)
    size += value.length
  }
  return Buffer.concat(got)
}

test('the first reader gets bytes before the last ones are there', async (t) => {
  const store = new FileStore(memory(), { chunkSize: 100_000 })
  const gate = deferred()
  const file = await started(store, () => ({ source: source(gate.promise), size: content.length }))
  t.is(file.size, content.length)
  const pieces = file.stream()
  t.true(content.subarray(0, 1_500_000).equals(await readTo(1_500_000, pieces)))
  await t.throwsAsync(store.find('a'), { code: 'not-found' })
  gate.resolve()
  t.true(content.subarray(1_500_000).equals(await readTo(Infinity, pieces)))
  t.true(content.equals(await (await file.stored)!.bytes()))
  t.is(store.memoryUsage.used, 0)
})

/** Of which the last one is as long as the others, or shorter. */
for (const chunkSize of [100_000, 70_000]) {
  test(`a reader that does not read holds nothing up, and reads back chunks of ${chunkSize}`, async (t) => {
    const store = new FileStore(memory(), { chunkSize })
    const gate = deferred()
    const file = await started(store, () => source(gate.promise))
    const pieces = file.stream()
    const first = await readTo(PIECE, pieces)
    const waiting = store.getOrPut('a', () => t.fail() as never)
    await until('what came is stored', async () => {
      const { items } = (await store.engine.stats())[0]!
      return items! >= 15
    })
    const second = await watched('bytes from the store', readTo(1_300_000, pieces))
    gate.resolve()
    t.true(content.equals(await (await waiting).bytes()))
    const third = await readTo(Infinity, pieces)
    t.true(content.equals(Buffer.concat([first, second, third])))
    t.is(store.memoryUsage.used, 0)
  })
}

test('a reader that lags behind still learns of a failure', async (t) => {
  const store = new FileStore(memory(), { chunkSize: 100_000 })
  const gate = deferred()
  const file = await started(store, () => ({
    source: source(gate.promise),
    digest: '0'.repeat(64),
  }))
  const pieces = file.stream()
  await until('what came is stored', async () => (await store.engine.stats())[0]!.items! >= 15)
  const start = await readTo(1_300_000, pieces)
  gate.resolve()
  await t.throwsAsync(readTo(Infinity, pieces), { code: 'digest-mismatch' })
  t.true(content.subarray(0, start.length).equals(start))
  t.is(store.memoryUsage.used, 0)
})

test('a large piece that is held back for its digest holds nothing up', async (t) => {
  const engine = new FaultyEngine(memory())
  const store = new FileStore(engine, { chunkSize: 100_000 })
  const digest = createHash('sha256').update(content).digest('hex')
  const calls = follow(engine)
  const file = await started(store, () => ({ source: content, digest }))
  t.true(content.equals(await file.bytes()))
  t.deepEqual(
    calls.filter((call) => call.startsWith('get c:')),
    [],
    'nothing was read back',
  )
  t.is((await file.stored)!.hash, digest)
  t.is(store.memoryUsage.used, 0)
})

test('64 MB pass through without being held', async (t) => {
  const cache = await startMemcached(t, { memoryMb: 256 })
  const store = new FileStore(memcached(cache.address, { timeoutMs: 20_000 }))
  t.teardown(() => store.close())
  const hash = createHash('sha256')
  async function* large() {
    for (let index = 0; index < 1024; index++) {
      const piece = bytes(index, 65_536)
      hash.update(piece)
      yield piece
    }
  }
  const file = await started(store, large)
  const received = createHash('sha256')
  const before = await bufferBytes()
  let [size, looks, mostUsed, most] = [0, 0, 0, 0]
  for await (const piece of file.stream()) {
    received.update(piece)
    mostUsed = Math.max(mostUsed, store.memoryUsage.used)
    size += piece.length
    if (size < (looks + 1) * 12_000_000) continue
    looks++
    most = Math.max(most, (await bufferBytes()) - before)
  }
  t.is(looks, 5)
  t.is((await file.stored)?.hash, hash.digest('hex'))
  t.is((await file.stored)?.hash, received.digest('hex'))
  t.true(mostUsed < 8 * 1024 * 1024, `${mostUsed} bytes of the budget`)
  t.true(most < 32 * 1024 * 1024, `${most} bytes of memory`)
  t.is(store.memoryUsage.used, 0)
})

test('a file that cannot be stored reaches its first reader whole', async (t) => {
  const engine = new FaultyEngine(memory())
  const store = new FileStore(engine, { chunkSize: 100_000 })
  let sets = 0
  const { set } = engine
  engine.set = (...args) => {
    if (++sets > 5) throw new UnavailableError('it broke in the middle')
    return set(...args)
  }
  const gate = deferred()
  const file = await started(store, () => source(gate.promise, PIECE))
  const waiting = store.getOrPut('a', () => t.fail() as never)
  const other = store.getOrPut('a', () => 'produced again', { onUnavailable: 'produce' })
  gate.resolve()
  t.true(content.equals(await file.bytes()))
  await t.throwsAsync(file.stored, { code: 'unavailable' })
  await t.throwsAsync(waiting, { code: 'unavailable' })
  t.is(await (await other).text(), 'produced again')
  await t.throwsAsync(store.find('a'), { code: 'not-found' })
  t.is(store.memoryUsage.used, 0)
})

test('a file that is too large to be stored is handed on', async (t) => {
  const store = new FileStore(memory(), { chunkSize: 100_000, maxFileSize: 2_000_000 })
  for (const size of [undefined, content.length]) {
    const produce = () => ({ source: source(), size })
    const file = await started(store, produce)
    t.true(content.equals(await file.bytes()))
    await t.throwsAsync(file.stored, { code: 'too-large' })
    await t.throwsAsync(store.getOrPut('a', produce), { code: 'too-large' })
    const unstored = await store.getOrPut('a', produce, { onUnavailable: 'produce' })
    t.true(content.equals(await unstored.bytes()))
  }
})

test('what is not to be stored is handed on, to each caller', async (t) => {
  const store = new FileStore(memory(), { chunkSize: 100_000 })
  let calls = 0
  const produce = () => {
    calls++
    return { source: source(), store: false, type: 'text/plain' }
  }
  const files = await Promise.all([1, 2, 3].map(() => started(store, produce)))
  for (const file of files) {
    t.is(file.type, 'text/plain')
    t.true(content.equals(await file.bytes()))
    t.is(await file.stored, undefined)
  }
  t.is(calls, 3, 'a stream can be read once')
  const text = () => {
    calls++
    return { source: 'text', store: false }
  }
  const texts = await Promise.all([1, 2, 3].map(() => started(store, text)))
  t.deepEqual(await Promise.all(texts.map((file) => file.text())), ['text', 'text', 'text'])
  t.is(calls, 4, 'bytes in memory are for all who wait')
  await t.throwsAsync(store.find('a'), { code: 'not-found' })
  await t.throwsAsync(store.getOrPut('a', produce), { code: 'bad-request', message: /fill/ })
})
