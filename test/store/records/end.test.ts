import test from 'ava'
import { Digest, FileStore, memory } from '../../../src/index.ts'
import { decodeLink, encodeLink, type Link } from '../../../src/store/records/link.ts'
import { Sealer } from '../../../src/store/records/seal.ts'
import { bytes } from '../../helpers/bytes.ts'
import { type Backend, onEveryEngine } from '../../helpers/engines.ts'
import { FaultyEngine } from '../../helpers/faulty-engine.ts'
import { manifestOf } from '../../helpers/records.ts'

const content = bytes('content', 2500)
const manifest = manifestOf(content, 1000)
const hash = manifest.digest.hex
const byHash = `h:${hash}`
const byName = `n:${Digest.of(Buffer.from('f')).hex}`

/** A record in the engine without an end of the engine's own, as a touch or another clock may leave it. */
async function link(backend: Backend, key: string, times: Omit<Link, 'manifest' | 'name'>) {
  const named = key === byName ? { name: 'f' } : {}
  const record = encodeLink({ manifest, ...times, ...named }, backend.keyPrefix + key, new Sealer())
  await backend.set(key, record)
}

async function stored(backend: Backend): Promise<FileStore> {
  const store = backend.store()
  await store.put(content)
  return store
}

onEveryEngine(
  'a link is over when its record says so, whatever the engine keeps',
  async (t, backend) => {
    const store = await stored(backend)
    const now = Date.now()
    for (const [times, isThere] of [
      [{ storedAt: now - 61_000, ttl: 60 }, false],
      [{ storedAt: now - 40 * 86_400_000, ttl: 31 * 86_400 }, false],
      [{ storedAt: now - 61_000, ttl: 60, endsAt: now - 1 }, false],
      [{ storedAt: now - 30_000, ttl: 60 }, true],
      [{ storedAt: now - 61_000, ttl: 60, endsAt: now + 60_000 }, true],
      [{ storedAt: 0, ttl: 0 }, true],
    ] as const) {
      for (const [key, ref] of [
        [byHash, { hash }],
        [byName, { name: 'f' }],
      ] as const) {
        await link(backend, key, times)
        for (let i = 0; i < 2; i++) {
          t.is(await store.isReadable(ref), isThere)
          if (isThere) t.deepEqual(await (await store.get(ref)).bytes(), content)
          else await t.throwsAsync(store.get(ref), { code: 'not-found' })
        }
        await backend.engine.touch(backend.keyPrefix + key, 1000)
        t.is(await store.isReadable(ref), isThere)
      }
      t.deepEqual(await store.missing([hash]), isThere ? [] : [hash])
    }
  },
)

onEveryEngine('a name that is over can be created anew', async (t, backend) => {
  const store = await stored(backend)
  await link(backend, byName, { storedAt: Date.now() - 61_000, ttl: 60 })
  await store.put('new', { name: 'f', createOnly: true })
  t.is((await (await store.get('f')).bytes()).toString(), 'new')
})

onEveryEngine(
  'asking for content by hash gives its link the whole of its life again',
  async (t, backend) => {
    const store = await stored(backend)
    const now = Date.now()
    const storedAtNow = async () => {
      const key = backend.keyPrefix + byHash
      return decodeLink((await backend.get(byHash))!, key, new Sealer())!
    }
    for (const [age, isRenewed] of [
      [900_000, true],
      [130_000, true],
      [100_000, false],
      [0, false],
    ] as const) {
      await link(backend, byHash, { storedAt: now - age, ttl: 1000 })
      t.deepEqual(await store.missing([hash]), [])
      const { storedAt, ttl } = await storedAtNow()
      t.is(ttl, 1000)
      if (isRenewed) t.true(storedAt >= now, `${age} ms old`)
      else t.is(storedAt, now - age, `${age} ms old`)
    }
    t.deepEqual(await (await store.get(hash)).bytes(), content)
  },
)

onEveryEngine(
  'a link that is deleted or replaced while it is renewed stays so',
  async (t, backend) => {
    const engine = new FaultyEngine(backend.engine)
    const store = backend.store({ engine })
    await store.put(content)
    const age = { storedAt: Date.now() - 900_000, ttl: 1000 }
    const other = { storedAt: Date.now(), ttl: 5000 }
    const meanwhile: Record<string, [() => Promise<unknown>, number | undefined]> = {
      deleted: [() => backend.delete(byHash), undefined],
      replaced: [() => link(backend, byHash, other), other.ttl],
    }
    for (const [what, [change, ttl]] of Object.entries(meanwhile)) {
      for (const moment of ['before the look', 'after the look']) {
        await link(backend, byHash, age)
        engine.look = async (key) => {
          if (moment === 'before the look') await change()
          const slot = await backend.engine.look!(key)
          if (moment === 'after the look') await change()
          return slot
        }
        const isThere = ttl !== undefined
        t.deepEqual(await store.missing([hash]), isThere ? [] : [hash], `${what} ${moment}`)
        t.is(await store.isReadable({ hash }), isThere)
        if (isThere) t.is((await store.find(hash)).ttl, ttl)
      }
    }
  },
)

onEveryEngine(
  'an upload with a shorter life keeps the longer one, in the record too',
  async (t, backend) => {
    const store = await stored(backend)
    const now = Date.now()
    await link(backend, byHash, { storedAt: now - 1000, ttl: 1000 })
    await store.put(content, { ttl: 10 })
    const { storedAt, ttl } = await store.find(hash)
    const end = storedAt.getTime() + ttl * 1000
    t.true(end >= now + 998_000 && end <= now + 1_001_000)
  },
)

test('a name is dated when its link is written, not when the link by hash is', async (t) => {
  const engine = new FaultyEngine(memory())
  const store = new FileStore(engine)
  engine.set = async (key, value, options) => {
    if (key.startsWith('h:')) await new Promise((resolve) => setTimeout(resolve, 30))
    return engine.inner.set(key, value, options)
  }
  const before = Date.now()
  await store.put('content', { name: 'f' })
  t.true((await store.find('f')).storedAt.getTime() >= before + 29)
})
