import { setTimeout as sleep } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import { Digest, FileStore, memcached, memory } from '../../../src/index.ts'
import { Keys } from '../../../src/store/records/keys.ts'
import { KnownLinks } from '../../../src/store/records/known-links.ts'
import { encodeLink, type Link } from '../../../src/store/records/link.ts'
import { linksOf } from '../../../src/store/records/links-of.ts'
import { Sealer } from '../../../src/store/records/seal.ts'
import { encodeTombstone } from '../../../src/store/records/tombstone.ts'
import { onEveryEngine } from '../../helpers/engines.ts'
import { bufferBytes } from '../../helpers/garbage.ts'
import { startMemcached } from '../../helpers/memcached.ts'
import { manifestOf } from '../../helpers/records.ts'
import { watched } from '../../helpers/watchdog.ts'

const nameKey = (name: string) => `n:${Digest.of(Buffer.from(name)).hex}`
const hashOf = (content: string) => Digest.of(Buffer.from(content)).hex

async function textOf(store: FileStore, ref: string | { hash: string }): Promise<string> {
  return (await (await store.find(ref)).bytes()).toString()
}

/** Reads a few times, so that the link is known by now. */
async function know(
  t: ExecutionContext,
  store: FileStore,
  ref: string | { hash: string },
  text: string,
) {
  for (let i = 0; i < 3; i++) t.is(await textOf(store, ref), text)
}

test('the same bytes under the same key are proved once, by name and by hash', async (t) => {
  const sealer = new Sealer()
  const { fits } = sealer
  let proofs = 0
  sealer.fits = (...args) => {
    proofs++
    return fits.apply(sealer, args)
  }
  const links = linksOf(memory(), new Keys(), sealer)
  const link = linkTo('content')
  for (const [ref, stored] of [
    [{ name: 'a' }, { ...link, name: 'a' }],
    [{ hash: link.manifest.digest }, link],
  ] as const) {
    proofs = 0
    await links.put(ref, stored)
    for (let i = 0; i < 5; i++) t.like(await links.read(ref), stored)
    t.is(proofs, 1)
    await links.put(ref, { ...stored, storedAt: stored.storedAt + 1 })
    for (let i = 0; i < 5; i++) t.is((await links.read(ref))!.storedAt, stored.storedAt + 1)
    t.is(proofs, 2)
  }
})

onEveryEngine('what replaces a known link is seen at once, by name', async (t, backend) => {
  const store = backend.store()
  const other = backend.store()
  for (const writer of [store, other]) {
    for (const content of ['one', 'two', 'one', 'six', 'seven']) {
      await writer.put(content, { name: 'a' }) // Records of the same length, but for the last.
      await know(t, store, 'a', content)
    }
  }
})

onEveryEngine('what replaces a known link is seen at once, by hash', async (t, backend) => {
  const store = backend.store()
  const hash = hashOf('content')
  for (const ttl of [1000, 2000, 3000, 0]) {
    await backend.store().put('content', { ttl })
    await know(t, store, { hash }, 'content')
    t.is((await store.find({ hash })).ttl, ttl)
  }
})

onEveryEngine('what one reader changes of a file, no other reader sees', async (t, backend) => {
  const store = backend.store()
  await store.put('content', { name: 'a', attributes: { x: 'y' } })
  for (let i = 0; i < 3; i++) {
    const { attributes, storedAt } = await store.find('a')
    t.deepEqual(attributes, { x: 'y' })
    t.true(storedAt.getTime() > 0)
    Object.assign(attributes, { x: 'changed', more: 'z' })
    storedAt.setTime(0)
  }
})

onEveryEngine('what is deleted is gone at once, though its link is known', async (t, backend) => {
  const store = backend.store()
  const other = backend.store()
  for (const ref of ['a', { hash: hashOf('content') }]) {
    for (const remover of [store, other]) {
      await store.put('content', { name: 'a' })
      await know(t, store, ref, 'content')
      await remover.delete(ref)
      await t.throwsAsync(store.find(ref), { code: 'not-found' })
    }
  }
})

onEveryEngine('a known link ends when its time is over', async (t, backend) => {
  const store = backend.store()
  await store.put('content', { name: 'a', ttl: 3 })
  await store.put('content', { name: 'b' })
  await know(t, store, 'a', 'content')
  const ended = async () => {
    while (await store.isReadable('a')) await sleep(50)
  }
  await watched('the end of the link', ended(), 10_000)
  await t.throwsAsync(store.find('a'), { code: 'not-found' })
  await know(t, store, 'b', 'content')
})

test('a known link ends by its record, where the engine keeps that for longer', async (t) => {
  const engine = memory()
  const links = linksOf(engine, new Keys(), new Sealer())
  const link = { ...linkTo('content'), name: 'a', ttl: 1, endsAt: Date.now() + 5000 }
  const key = new Keys().linkByName('a')
  await engine.set(key, encodeLink(link, key, new Sealer()))
  t.like(await links.read({ name: 'a' }), { name: 'a' })
  t.like(await links.read({ name: 'a' }), { name: 'a' })
  await sleep(link.endsAt - Date.now() + 5)
  t.is(await links.read({ name: 'a' }), undefined)
})

onEveryEngine('invariant 8: a known record with any bit flipped is corrupt', async (t, backend) => {
  const store = backend.store()
  const { hash } = await store.put('content', { name: 'a', type: 'text/plain' })
  for (const [ref, key] of [
    ['a', nameKey('a')],
    [{ hash }, `h:${hash}`],
  ] as const) {
    await know(t, store, ref, 'content')
    const record = (await backend.get(key))!
    for (let at = 0; at < record.length; at += 23) {
      await backend.flip(key, at * 8 + (at % 8))
      await t.throwsAsync(store.find(ref), { code: 'corrupt' }, `byte ${at}`)
      await backend.set(key, record)
    }
    await know(t, store, ref, 'content')
    for (const other of [record.subarray(1), Buffer.concat([record, Buffer.alloc(1)])]) {
      await backend.set(key, other)
      await t.throwsAsync(store.find(ref), { code: 'corrupt' })
      await backend.set(key, record)
    }
  }
})

onEveryEngine('invariant 8: a known record is corrupt under another key', async (t, backend) => {
  const store = backend.store()
  const { hash } = await store.put('one', { name: 'a' })
  await store.put('two', { name: 'b' })
  await know(t, store, 'a', 'one')
  await know(t, store, 'b', 'two')
  const [a, b] = [(await backend.get(nameKey('a')))!, (await backend.get(nameKey('b')))!]
  await backend.set(nameKey('a'), b)
  await backend.set(nameKey('b'), a)
  await backend.set(`h:${hash}`, a)
  for (const ref of ['a', 'b', { hash }]) {
    for (let i = 0; i < 2; i++) await t.throwsAsync(store.find(ref), { code: 'corrupt' })
  }
  await backend.set(nameKey('a'), a)
  await know(t, store, 'a', 'one')
})

onEveryEngine(
  'invariant 8: a record that leads elsewhere is corrupt each time, though its seal fits',
  async (t, backend) => {
    const store = backend.store()
    const { hash } = await store.put('content', { name: 'a' })
    const elsewhere = { ...linkTo('elsewhere'), name: 'b' }
    for (const [ref, key] of [
      ['a', nameKey('a')],
      [{ hash }, `h:${hash}`],
    ] as const) {
      await know(t, store, ref, 'content')
      const record = encodeLink(elsewhere, backend.keyPrefix + key, new Sealer())
      await backend.set(key, record)
      for (let i = 0; i < 3; i++) await t.throwsAsync(store.find(ref), { code: 'corrupt' })
    }
  },
)

onEveryEngine('a tombstone in the place of a known link is no file', async (t, backend) => {
  const store = backend.store()
  await store.put('content', { name: 'a' })
  await know(t, store, 'a', 'content')
  const record = (await backend.get(nameKey('a')))!
  const key = backend.keyPrefix + nameKey('a')
  const tombstone = encodeTombstone({ deletedAt: Date.now() }, key, new Sealer())
  await backend.set(nameKey('a'), tombstone)
  for (let i = 0; i < 2; i++) await t.throwsAsync(store.find('a'), { code: 'not-found' })
  await backend.set(nameKey('a'), record)
  await know(t, store, 'a', 'content')
})

onEveryEngine(
  'invariant 8: stores with other secrets accept nothing of each other',
  async (t, backend) => {
    const secrets = ['one', 'two', undefined]
    const stores = secrets.map((secret) => backend.store(secret === undefined ? {} : { secret }))
    const { hash } = await stores[0]!.put('content', { name: 'a' })
    for (const writer of stores) {
      await writer.put('content', { name: 'a' })
      for (const ref of ['a', { hash }]) {
        await know(t, writer, ref, 'content')
        for (const reader of stores) {
          if (reader === writer) continue
          for (let i = 0; i < 2; i++) await t.throwsAsync(reader.find(ref), { code: 'corrupt' })
        }
        await know(t, writer, ref, 'content')
      }
    }
  },
)

test('invariant 7: what is known of a link is not part of a large buffer', async (t) => {
  const { address } = await startMemcached(t)
  const store = new FileStore(memcached(address))
  t.teardown(() => store.close())
  const names = Array.from({ length: 2000 }, (_, i) => `${i}`)
  for (const name of names) await store.put(name, { name })
  const read = async (name: string) => {
    const { digest } = await store.find(name)
    t.is(digest.base64.length, 44) // As each answer has it.
    Buffer.allocUnsafe(4000).fill(0) // The next record is in another part of the memory.
    Buffer.allocUnsafe(4000).fill(0)
  }
  const before = await bufferBytes()
  for (const name of [...names, ...names]) await read(name)
  const grown = (await bufferBytes()) - before
  t.true(grown < 2_000_000, `${grown} bytes for ${names.length} links`)
})

/** A link whose record has any length. */
function linkTo(content: string, type = ''): Link {
  return {
    manifest: manifestOf(Buffer.from(content), 1000),
    storedAt: 1_767_323_045_678,
    ttl: 0,
    type,
  }
}

test('records of more than 1 KiB are not remembered', (t) => {
  const known = new KnownLinks()
  const link = linkTo('content')
  for (const [name, length, isKept] of [
    ['small', 200, true],
    ['largest', 1024, true],
    ['too large', 1025, false],
    ['large', 100_000, false],
  ] as const) {
    const record = Buffer.alloc(length, name)
    for (const ref of [{ name }, { hash: Digest.of(record) }] as const) {
      known.learn(ref, 'key', record, link)
      t.is(known.get(ref)?.isSame(Buffer.from(record)), isKept || undefined, name)
      t.is(known.get(ref)?.isSame(record.subarray(1)), isKept ? false : undefined)
    }
  }
})

test('large records are proved each time, and are right', async (t) => {
  const links = linksOf(memory(), new Keys(), new Sealer())
  for (const type of ['x'.repeat(2000), 'y'.repeat(2000)]) {
    await links.put({ name: 'a' }, { ...linkTo('content', type), name: 'a' })
    for (let i = 0; i < 2; i++) t.is((await links.read({ name: 'a' }))!.type, type)
    t.is(links.known({ name: 'a' }), undefined)
  }
})

test('invariant 7: only the last 4,096 names and as many hashes are remembered', (t) => {
  const known = new KnownLinks()
  const link = linkTo('content')
  const count = 10_000
  const refs = Array.from({ length: count }, (_, i) => {
    return [{ name: `${i}` }, { hash: Digest.of(Buffer.from(`${i}`)) }] as const
  })
  for (const [i, pair] of refs.entries()) {
    for (const ref of pair) known.learn(ref, `${i}`, Buffer.from(`record ${i}`), link)
  }
  for (const kind of [0, 1]) {
    const kept = refs.map((pair) => known.get(pair[kind]!)).filter((found) => found !== undefined)
    t.is(kept.length, 4096)
    t.is(kept.at(-1)!.key, `${count - 1}`)
  }
})
