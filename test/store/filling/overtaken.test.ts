import test, { type ExecutionContext } from 'ava'
import {
  FileStore,
  memcached,
  memory,
  type ProduceContext,
  type Produced,
  type StoredFile,
} from '../../../src/index.ts'
import { deferred } from '../../helpers/deferred.ts'
import { onEveryEngine } from '../../helpers/engines.ts'
import { FaultyEngine } from '../../helpers/faulty-engine.ts'
import { startMemcached } from '../../helpers/memcached.ts'
import { until } from '../../helpers/watchdog.ts'

interface Stores {
  /** Of the process that fills. */
  readonly filling: FileStore
  /** Of the process that uploads and deletes. */
  readonly other: FileStore
}

/** Declares a test for one process, for two, and for two with a fleet. */
function forEveryWriter(
  title: string,
  run: (t: ExecutionContext, stores: Stores) => Promise<void>,
): void {
  onEveryEngine(`${title}, in one process`, async (t, backend) => {
    const store = backend.store()
    await run(t, { filling: store, other: store })
  })
  for (const servers of [1, 3]) {
    test(`${title}, in another process, with ${servers} memcached`, async (t) => {
      const caches = await Promise.all(Array.from({ length: servers }, () => startMemcached(t)))
      const addresses = caches.map(({ address }) => address).join(',')
      const [filling, other] = [1, 2].map(() => {
        const engine = memcached(addresses, { timeoutMs: 10_000, connectTimeoutMs: 10_000 })
        const store = new FileStore(engine, { chunkSize: 1000 })
        t.teardown(() => store.close())
        return store
      }) as [FileStore, FileStore]
      await run(t, { filling, other })
    })
  }
}

/** Answers the first call once `gate` is open, and those after it with their number. */
function gated(first: (context: ProduceContext) => Produced) {
  const gate = deferred()
  const state = { calls: 0, open: gate.resolve }
  const produce = async (context: ProduceContext) => {
    if (++state.calls > 1) return `call ${state.calls}`
    await gate.promise
    return first(context)
  }
  return Object.assign(state, { produce })
}

const isThere = (store: FileStore) =>
  store.find('a').then(
    () => true,
    () => false,
  )

/** Stores a file whose time is over, and that may turn out to be unchanged. */
async function putStale(store: FileStore): Promise<void> {
  await store.put('stale', { name: 'a', ttl: 1, keepFor: 3600 })
  await until('its time is over', async () => !(await isThere(store)), 20)
}

const cases: [string, (store: FileStore) => Promise<void>, () => Produced][] = [
  ['a file that was not there', async () => {}, () => 'old'],
  ['a stale file that has changed', putStale, () => 'old'],
  ['a stale file that is unchanged', putStale, () => ({ unchanged: true })],
]

for (const [what, prepare, produced] of cases) {
  forEveryWriter(`${what}: an upload in the middle of its fill stays`, async (t, stores) => {
    const { filling, other } = stores
    await prepare(filling)
    const source = gated(produced)
    const callers = [1, 2].map(() => filling.getOrPut('a', source.produce))
    await until('it is produced', () => source.calls === 1)
    await other.put('uploaded', { name: 'a' })
    source.open()
    for (const file of await Promise.all(callers)) t.is(await file.text(), 'uploaded')
    for (const store of [filling, other]) t.is(await (await store.get('a')).text(), 'uploaded')
    t.is(source.calls, 1)
  })

  forEveryWriter(`${what}: a deletion in the middle of its fill stays`, async (t, stores) => {
    const { filling, other } = stores
    await prepare(filling)
    const source = gated(produced)
    const before = filling.getOrPut('a', source.produce)
    await until('it is produced', () => source.calls === 1)
    t.false(await other.delete('a'))
    const after = other.getOrPut('a', source.produce)
    source.open()
    for (const file of await Promise.all([before, after])) t.is(await file.text(), 'call 2')
    t.is(source.calls, 2)
    t.true(await other.delete('a'))
    t.false(await isThere(filling))
  })
}

test('a deletion that finds no lease stays when a fill begins before it is done', async (t) => {
  const engine = new FaultyEngine(memory())
  const [filling, other] = [new FileStore(engine), new FileStore(engine)]
  const source = gated(() => 'old')
  const { get } = engine
  let fill: Promise<StoredFile> | undefined
  engine.get = async (key, prove, options) => {
    const value = await get(key, prove, options)
    if (key.startsWith('l') && fill === undefined) {
      fill = filling.getOrPut('a', source.produce)
      await until('it is produced', () => source.calls === 1)
    }
    return value
  }
  t.false(await other.delete('a'))
  source.open()
  t.is(await (await fill!).text(), 'call 2')
})

test('what is stored once a deletion can be seen stays, although a fill began before the deletion is done', async (t) => {
  const engine = new FaultyEngine(memory())
  const [deleting, other] = [new FileStore(engine), new FileStore(engine)]
  await deleting.put('old', { name: 'a' })
  const source = gated(() => 'filled')
  const remove = engine.delete
  let fill: Promise<StoredFile> | undefined
  engine.delete = async (key, options) => {
    const wasThere = await remove(key, options)
    if (fill === undefined) {
      fill = other.getOrPut('a', source.produce)
      await until('it is produced', () => source.calls === 1)
      await other.put('new', { name: 'a', createOnly: true })
    }
    return wasThere
  }
  t.true(await deleting.delete('a'))
  source.open()
  t.is(await (await fill!).text(), 'new')
})

test('of a file that was found a deletion stays for the day, too, when a fill begins before it is done', async (t) => {
  const engine = new FaultyEngine(memory())
  const [deleting, other] = [new FileStore(engine), new FileStore(engine)]
  await deleting.put('old', { name: 'a' })
  const only = await deleting.find('a')
  const source = gated(() => 'filled')
  const look = engine.look!
  const kept: number[] = []
  engine.look = async (key) => {
    const { current, put } = await look(key)
    const putAndTell = async (value: Buffer, ttl: number) => {
      if (kept.push(ttl) === 1) {
        void other.fill('a', source.produce, { unusable: { file: only, reason: 'evicted' } })
        await until('it is produced', () => source.calls === 1)
      }
      return put(value, ttl)
    }
    return { current, put: putAndTell }
  }
  t.true(await deleting.delete('a', { only }))
  t.deepEqual(kept, [600, 86_400])
  source.open()
})

forEveryWriter(
  'the reader of a file that is deleted meanwhile gets it, unstored',
  async (t, stores) => {
    const { filling, other } = stores
    const source = gated(() => 'old')
    const reading = filling.fill('a', source.produce)
    await until('it is produced', () => source.calls === 1)
    await other.delete('a')
    source.open()
    const { outcome, file } = await reading
    if (outcome !== 'filling') return t.fail(outcome)
    t.is(await file.text(), 'old')
    t.is(await file.stored, undefined)
    t.false(await isThere(other))
  },
)

test('callers who begin anew take no more of the room for those that wait', async (t) => {
  const store = new FileStore(memory(), { fills: { waiting: 2 } })
  const source = gated(() => 'old')
  const callers = [1, 2].map(() => store.getOrPut('a', source.produce))
  await until('it is produced', () => source.calls === 1)
  await store.delete('a')
  source.open()
  for (const file of await Promise.all(callers)) t.is(await file.text(), 'call 2')
})

test('a file that is deleted each time that it is produced is an error in the end', async (t) => {
  const store = new FileStore(memory())
  let calls = 0
  const produce = async () => {
    await store.delete('a')
    return `call ${++calls}`
  }
  await t.throwsAsync(store.getOrPut('a', produce), {
    code: 'unavailable',
    message: /again and again/,
  })
  t.is(calls, 3)
  const unstored = await store.getOrPut('a', produce, { onUnavailable: 'produce' })
  t.is(await unstored.text(), 'call 7')
})
