import test from 'ava'
import { FileStore, memory } from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { deferred, turns } from '../../helpers/deferred.ts'
import { type Backend, onEveryEngine } from '../../helpers/engines.ts'
import { until } from '../../helpers/watchdog.ts'

const content = bytes('content', 4500)

/** Makes a source that gives half of the content and then fails. */
async function* halfOf(error: unknown) {
  yield content.subarray(0, 2250)
  await turns()
  throw error
}

async function isReleased(backend: Backend, lease: string): Promise<boolean> {
  return (await backend.get(lease)) === undefined
}
const LEASE = 'ln:ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb'

for (const [how, produceWith] of [
  [
    'throws',
    (error: Error) => () => {
      throw error
    },
  ],
  [
    'rejects',
    (error: Error) => async () => {
      throw error
    },
  ],
  ['has a source that fails', (error: Error) => () => halfOf(error)],
] as const) {
  onEveryEngine(
    `produce ${how}: all who wait get its error, and nothing is stored`,
    async (t, backend) => {
      const store = backend.store()
      const error = new Error('the origin is on fire')
      let calls = 0
      const failing = produceWith(error)
      const produce = () => {
        calls++
        return failing()
      }
      const all = await Promise.allSettled(
        Array.from({ length: 5 }, () => store.getOrPut('a', produce)),
      )
      for (const each of all) t.is(each.status === 'rejected' && each.reason, error)
      t.is(calls, 1)
      await t.throwsAsync(store.find('a'), { code: 'not-found' })
      await until('the lease is released', () => isReleased(backend, LEASE))
      t.deepEqual(await (await store.getOrPut('a', () => content)).bytes(), content)
    },
  )
}

test('the reader of a source that fails gets its error', async (t) => {
  const store = new FileStore(memory(), { chunkSize: 1000 })
  const error = new Error('cut off')
  const filling = await store.fill('a', () => halfOf(error))
  if (filling.outcome !== 'filling') return t.fail(filling.outcome)
  const got: Buffer[] = []
  const reading = async () => {
    for await (const piece of filling.file.stream()) got.push(piece)
  }
  t.is(await t.throwsAsync(reading), error)
  t.is(await t.throwsAsync(filling.file.stored), error)
  t.deepEqual(Buffer.concat(got), content.subarray(0, 2250))
  await t.throwsAsync(store.find('a'), { code: 'not-found' })
})

test('content with another digest or size than was said is not stored, nor handed on whole', async (t) => {
  const store = new FileStore(memory(), { chunkSize: 1000 })
  const pieces = () => [content.subarray(0, 3000), content.subarray(3000)]
  for (const [lie, code] of [
    [{ digest: '0'.repeat(64) }, 'digest-mismatch'],
    [{ size: 4499 }, 'bad-request'],
    [{ size: 4501 }, 'bad-request'],
  ] as const) {
    const produce = () => ({ source: pieces(), ...lie })
    await t.throwsAsync(store.getOrPut('a', produce), { code })
    const { outcome, file } = await store.fill('a', produce)
    if (outcome !== 'filling') return t.fail(outcome)
    let received = 0
    const reading = async () => {
      for await (const piece of file.stream()) received += piece.length
    }
    await t.throwsAsync(reading, { code })
    t.true('digest' in lie ? received === 3000 : received <= content.length)
    await t.throwsAsync(file.stored, { code })
    await t.throwsAsync(store.find('a'), { code: 'not-found' })
  }
  const noDigest = () => ({ source: pieces(), digest: 'none' })
  await t.throwsAsync(store.getOrPut('a', noDigest), { code: 'bad-request' })
})

test('a source that is not what was said is closed', async (t) => {
  const store = new FileStore(memory(), { chunkSize: 1000 })
  for (const [lie, pieces] of [
    [{ size: 10 }, [content, content]],
    [{}, [content, 'no bytes' as never]],
    [{ type: 5 as never }, [content]],
  ] as const) {
    const closed = deferred()
    const source = new ReadableStream<Uint8Array>({
      pull: (controller) => pieces.forEach((piece) => void controller.enqueue(piece)),
      cancel: () => closed.resolve(),
    })
    await t.throwsAsync(
      store.getOrPut('a', () => ({ source, ...lie })),
      { code: 'bad-request' },
    )
    await closed.promise
  }
})

test('a failure is remembered for failFor seconds, and not after', async (t) => {
  const store = new FileStore(memory(), { chunkSize: 1000 })
  const calls: string[] = []
  const failing = ({ name }: { name?: string }) => {
    calls.push(name!)
    throw new Error(`no ${name}`)
  }
  const ask = (name: string, failFor: number) => store.getOrPut(name, failing, { failFor })
  for (const _ of [1, 2]) await t.throwsAsync(ask('a', 3600), { message: 'no a' })
  t.deepEqual(calls.splice(0), ['a'])
  t.is((await store.getOrPut('b', () => content)).size, 4500, 'another file is another matter')
  await store.put(content, { name: 'a' })
  t.is((await ask('a', 3600)).size, 4500, 'what is there is no failure')
  await t.throwsAsync(ask('c', 0.01), { message: 'no c' })
  await until('the failure is forgotten', async () => {
    await t.throwsAsync(ask('c', 0.01), { message: 'no c' })
    return calls.length > 1
  })
})

test('a caller that leaves ends its wait, and the last one the work', async (t) => {
  const store = new FileStore(memory(), { chunkSize: 1000 })
  const [one, two] = [new AbortController(), new AbortController()]
  const called = deferred<AbortSignal>()
  const produce = ({ signal }: { signal: AbortSignal }) => {
    called.resolve(signal)
    return new Promise<string>(() => {}) // Does not look at its signal.
  }
  const first = store.getOrPut('a', produce, { signal: one.signal })
  const second = store.getOrPut('a', produce, { signal: two.signal })
  const signal = await called.promise
  one.abort(new Error('one leaves'))
  await t.throwsAsync(first, { message: 'one leaves' })
  t.false(signal.aborted)
  two.abort(new Error('two leaves'))
  await t.throwsAsync(second, { message: 'two leaves' })
  t.true(signal.aborted)
  t.is(await (await store.getOrPut('a', () => 'content')).text(), 'content')
  await t.throwsAsync(store.getOrPut('b', produce, { signal: one.signal }), {
    message: 'one leaves',
  })
})

test('many callers may share a signal, without a warning of Node', async (t) => {
  const store = new FileStore(memory())
  const { signal } = new AbortController()
  const produce = () => turns().then(() => 'content')
  const ask = (_: unknown, index: number) =>
    store.getOrPut(`file ${index % 20}`, produce, { signal })
  const files = await Promise.all(Array.from({ length: 60 }, ask))
  await turns() // Node warns a turn later, and test/helpers/no-warnings.js fails the test then.
  t.true(files.every(({ size }) => size === 7))
})

test('a source that comes after all callers have left is closed', async (t) => {
  const store = new FileStore(memory(), { chunkSize: 1000 })
  const controller = new AbortController()
  const [called, source] = [deferred(), deferred<ReadableStream<Uint8Array>>()]
  const produce = () => {
    called.resolve()
    return source.promise
  }
  const waiting = store.getOrPut('a', produce, { signal: controller.signal })
  await called.promise
  controller.abort(new Error('it leaves'))
  await t.throwsAsync(waiting, { message: 'it leaves' })
  const cancelled = deferred()
  source.resolve(new ReadableStream({ cancel: () => cancelled.resolve() }))
  await cancelled.promise
  t.pass()
})

test('a reader that cancels ends the work, unless other callers wait', async (t) => {
  const store = new FileStore(memory(), { chunkSize: 1000 })
  const [closed, gate] = [deferred(), deferred()]
  async function* source() {
    try {
      yield content.subarray(0, 1500)
      await gate.promise
      yield content.subarray(1500)
    } finally {
      closed.resolve()
    }
  }
  const alone = await store.fill('a', source)
  if (alone.outcome !== 'filling') return t.fail(alone.outcome)
  const { value } = await alone.file.stream().next()
  t.is(value?.length, 1500)
  alone.file.cancel()
  await t.throwsAsync(alone.file.stored, { any: true })
  gate.resolve()
  await closed.promise
  await t.throwsAsync(store.find('a'), { code: 'not-found' })

  const first = await store.fill('b', source)
  const waiting = store.getOrPut('b', source)
  await turns()
  if (first.outcome !== 'filling') return t.fail(first.outcome)
  first.file.cancel()
  t.deepEqual(await (await waiting).bytes(), content)
  await t.throwsAsync(first.file.bytes(), { message: /once/ })
})

test('work that takes longer than timeoutMs ends', async (t) => {
  const store = new FileStore(memory(), { chunkSize: 1000 })
  const produce = () => new Promise<string>(() => {})
  const waiting = store.getOrPut('a', produce, { timeoutMs: 50 })
  await t.throwsAsync(waiting, { code: 'unavailable', message: /50 ms/ })
})

test('a store that is closed ends what is under way', async (t) => {
  const store = new FileStore(memory())
  const called = deferred<AbortSignal>()
  const produce = ({ signal }: { signal: AbortSignal }) => {
    called.resolve(signal)
    return new Promise<string>(() => {})
  }
  const waiting = store.getOrPut('a', produce)
  const signal = await called.promise
  await store.close()
  await t.throwsAsync(waiting, { code: 'unavailable', message: /closed/ })
  t.true(signal.aborted)
})

test('the callers that wait and the calls of produce are limited', async (t) => {
  const store = new FileStore(memory(), { fills: { atOnce: 1, waiting: 2 } })
  const gate = deferred<string>()
  let calls = 0
  const produce = () => {
    calls++
    return gate.promise
  }
  const [one, two] = [store.getOrPut('1', produce), store.getOrPut('2', produce)]
  await until('one is at work', () => calls === 1)
  await t.throwsAsync(store.getOrPut('3', produce), { code: 'unavailable', message: /limit/ })
  gate.resolve('content')
  await Promise.all([one, two])
  t.is(calls, 2)
  t.is(await (await store.getOrPut('3', produce)).text(), 'content')
})

test('arguments that can never work are refused where they are given', async (t) => {
  const store = new FileStore(memory())
  const produce = () => 'content'
  for (const options of [
    { tll: 5 },
    { ttl: -1 },
    { staleFor: 0.5 },
    { keepFor: Number.NaN },
    { failFor: -1 },
    { failFor: Number.POSITIVE_INFINITY },
    { onUnavailable: 'ignore' },
    { timeoutMs: 0 },
    { timeoutMs: 2 ** 31 },
  ]) {
    await t.throwsAsync(store.getOrPut('a', produce, options as never), { code: 'bad-request' })
    await t.throwsAsync(store.fill('a', produce, options as never), { code: 'bad-request' })
  }
  await t.throwsAsync(store.getOrPut('', produce), { code: 'bad-request' })
  await t.throwsAsync(store.getOrPut('a', 'content' as never), { code: 'bad-request' })
  await t.throwsAsync(store.getOrPut('a', produce, { unusable: {} } as never), {
    code: 'bad-request',
  })
  for (const produced of [
    undefined,
    5,
    {},
    { content: 'x' },
    { source: 'x', tll: 5 },
    { unchanged: true },
    { source: 'x', type: 5 },
  ]) {
    await t.throwsAsync(
      store.getOrPut('a', () => produced as never),
      { code: 'bad-request' },
    )
  }
  for (const fills of [{ atOnce: 0 }, { waiting: 0 }, { atwork: 1 }]) {
    t.throws(() => new FileStore(memory(), { fills: fills as never }), { code: 'bad-request' })
  }
})
