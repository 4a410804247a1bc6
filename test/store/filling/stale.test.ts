import test from 'ava'
import {
  Digest,
  FileStore,
  memcached,
  type ProduceContext,
  type StoredFile,
} from '../../../src/index.ts'
import { decodeLink, encodeLink } from '../../../src/store/records/link.ts'
import { Sealer } from '../../../src/store/records/seal.ts'
import { bytes } from '../../helpers/bytes.ts'
import { deferred } from '../../helpers/deferred.ts'
import { type Backend, onEveryEngine } from '../../helpers/engines.ts'
import { startMemcached } from '../../helpers/memcached.ts'
import { until } from '../../helpers/watchdog.ts'

const sealer = new Sealer()
const LINK = `n:${Digest.of(Buffer.from('a')).hex}`

/** Makes the link of the file older, as if the clock had moved on. */
function age(backend: Backend, seconds: number): Promise<void> {
  const key = backend.keyPrefix + LINK
  return backend.change(LINK, (record) => {
    const link = decodeLink(record, key, sealer)!
    return encodeLink({ ...link, storedAt: link.storedAt - seconds * 1000 }, key, sealer)
  })
}

const times = { ttl: 60, staleFor: 600 }

/** Resolves with the outcome once it is not `stale`. */
async function renewed(store: FileStore, produce: () => string): Promise<string> {
  let filling = await store.fill('a', produce, times)
  await until('it is renewed', async () => {
    filling = await store.fill('a', produce, times)
    return filling.outcome === 'hit'
  })
  return (filling.file as StoredFile).text()
}

onEveryEngine('a stale file is served at once while it is renewed once', async (t, backend) => {
  const store = backend.store()
  await store.getOrPut('a', () => 'one', times)
  const gate = deferred<string>()
  const contexts: ProduceContext[] = []
  const produce = (context: ProduceContext) => {
    contexts.push(context)
    return gate.promise
  }
  await age(backend, 59)
  t.is((await store.fill('a', produce, times)).outcome, 'hit')
  await age(backend, 2)
  for (const _ of [1, 2, 3]) {
    const { outcome, reason, file } = await store.fill('a', produce, times)
    t.deepEqual([outcome, reason, await file.text()], ['stale', 'expired', 'one'])
    t.is(await (await store.getOrPut('a', produce, times)).text(), 'one')
  }
  await t.throwsAsync(store.get('a'), { code: 'not-found' }, 'it is over for all other reads')
  await until('produce is called', () => contexts.length > 0)
  t.like(contexts[0], { name: 'a', reason: 'expired' })
  t.is(await contexts[0]!.stale!.text(), 'one')
  gate.resolve('two')
  t.is(await renewed(store, () => t.fail() as never), 'two')
  t.is(contexts.length, 1)
})

onEveryEngine('past staleFor callers wait', async (t, backend) => {
  const store = backend.store()
  await store.getOrPut('a', () => 'one', times)
  await age(backend, 661)
  const late = await store.fill('a', () => 'two', { ...times, whole: true })
  t.like(late, { outcome: 'filled', reason: 'expired' })
  t.is(await late.file.text(), 'two')
})

onEveryEngine(
  'a renewal that fails is told to observers, and the stale file is served on',
  async (t, backend) => {
    const store = backend.store()
    const results: unknown[] = []
    store.observe({ fillEnded: (result) => results.push(result) })
    await store.getOrPut('a', () => 'one', times)
    const error = new Error('the origin is on fire')
    let calls = 0
    const failing = () => {
      calls++
      throw error
    }
    await age(backend, 61)
    const options = { ...times, failFor: 3600 }
    t.is((await store.fill('a', failing, options)).outcome, 'stale')
    await until('it has failed', () => results.length === 2)
    t.deepEqual(results[1], { reason: 'expired', error })
    t.is((await store.fill('a', failing, options)).outcome, 'stale')
    t.is(calls, 1, 'failFor holds for renewals too')
  },
)

onEveryEngine('an unchanged file lives on, without its bytes', async (t, backend) => {
  const store = backend.store()
  const content = bytes('content', 2500)
  const keep = { ttl: 60, keepFor: 6000 }
  await store.getOrPut(
    'a',
    () => ({ source: content, type: 'text/plain', attributes: { etag: '1' } }),
    keep,
  )
  await age(backend, 3000)
  const contexts: ProduceContext[] = []
  const unchanged = (context: ProduceContext) => {
    contexts.push(context)
    return { unchanged: true as const, attributes: { etag: '2' } }
  }
  const again = await store.fill('a', unchanged, keep)
  if (again.outcome !== 'renewed') return t.fail(again.outcome)
  t.is(again.reason, 'expired')
  t.is(contexts[0]!.stale!.attributes.etag, '1')
  t.is(again.file.type, 'text/plain')
  t.deepEqual(again.file.attributes, { etag: '2' })
  t.deepEqual(await (await store.get('a')).bytes(), content)
  await age(backend, 30)
  t.is((await store.fill('a', unchanged, keep)).outcome, 'hit')

  // Its chunks are gone: there is nothing that could live on.
  await age(backend, 61)
  await backend.delete(`c:${again.file.manifest.chunk(1).digest.hex}`)
  const reasons: unknown[] = []
  const changeable = ({ reason, stale }: ProduceContext) => {
    reasons.push([reason, stale !== undefined])
    return stale === undefined ? content : { unchanged: true as const }
  }
  t.is((await store.fill('a', changeable, { ...keep, whole: true })).outcome, 'filled')
  t.deepEqual(reasons, [
    ['expired', true],
    ['evicted', false],
  ])
  t.deepEqual(await (await store.get('a')).bytes(), content)
})

onEveryEngine('a fresh file that its caller refuses is renewed', async (t, backend) => {
  const store = backend.store()
  await store.getOrPut('a', () => 'one')
  const unusable = { file: await store.find('a'), reason: 'expired' } as const
  const produce = ({ stale }: ProduceContext) => {
    t.truthy(stale)
    return { unchanged: true as const, ttl: 5 }
  }
  const { outcome, file } = await store.fill('a', produce, { unusable })
  t.is(outcome, 'renewed')
  t.is((file as StoredFile).ttl, 5)
})

test('the engine keeps the record for as long as it is of use', async (t) => {
  const cache = await startMemcached(t)
  const store = new FileStore(memcached(cache.address, { timeoutMs: 10_000 }))
  t.teardown(() => store.close())
  for (const [name, options, seconds] of [
    ['a', { ttl: 100 }, 100],
    ['b', { ttl: 100, staleFor: 50 }, 150],
    ['c', { ttl: 100, staleFor: 50, keepFor: 20 }, 150],
    ['d', { ttl: 100, keepFor: 900 }, 1000],
    ['e', { ttl: 0, staleFor: 50 }, -1],
  ] as const) {
    await store.getOrPut(name, () => name, options)
    const left = await cache.raw.ttl(`n:${Digest.of(Buffer.from(name)).hex}`)
    t.true(
      left === seconds || (seconds > 0 && left! < seconds && left! > seconds - 30),
      `${name} ${left}`,
    )
  }
})

onEveryEngine(
  'a file that is kept beyond its end is not there to be deleted, and goes',
  async (t, backend) => {
    const store = backend.store()
    await store.getOrPut('a', () => 'one', times)
    await age(backend, 61)
    t.false(await store.delete('a'))
    let reason: string | undefined
    await store.getOrPut('a', (context) => {
      reason = context.reason
      return 'two'
    })
    t.is(reason, 'not-found')
    t.true(await store.delete('a'))
  },
)
