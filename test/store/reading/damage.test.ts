import type { ExecutionContext } from 'ava'
import { Digest, type FileStore } from '../../../src/index.ts'
import { encodeLink, type Link } from '../../../src/store/records/link.ts'
import { Sealer } from '../../../src/store/records/seal.ts'
import { bytes } from '../../helpers/bytes.ts'
import { type Backend, flipped, onEveryEngine } from '../../helpers/engines.ts'
import { manifestOf } from '../../helpers/records.ts'

const content = bytes('damage', 4500)
const chunkHashes = Array.from(
  { length: 5 },
  (_, index) => Digest.of(content.subarray(index * 1000, (index + 1) * 1000)).hex,
)
const hash = Digest.of(content).hex
const name = 'dir/a name'
const byHash = `h:${hash}`
const byName = `n:${Digest.of(Buffer.from(name)).hex}`

async function stored(backend: Backend): Promise<FileStore> {
  const store = backend.store()
  await store.put(content, { name, type: 'text/plain' })
  return store
}

/** Every way to read it gives this error, by name and by hash, and no memory is kept. */
async function assertLost(t: ExecutionContext, store: FileStore, code: string, what = code) {
  for (const ref of [{ name }, { hash }]) {
    const file = await store.find(ref)
    for (const read of [() => file.bytes(), () => file.prepare()]) {
      await t.throwsAsync(read(), { code }, what)
    }
  }
  t.is(store.memoryUsage.used, 0)
}

async function assertWhole(t: ExecutionContext, store: FileStore) {
  for (const ref of [{ name }, { hash }]) {
    t.deepEqual(await (await store.get(ref)).bytes(), content)
    t.is((await store.verify(ref)).state, 'intact')
  }
}

onEveryEngine(
  'invariant 3: any chunk deleted is evicted, known without reading',
  async (t, backend) => {
    const store = await stored(backend)
    for (const chunk of chunkHashes) {
      const value = (await backend.get(`c:${chunk}`))!
      await backend.delete(`c:${chunk}`)
      await assertLost(t, store, 'evicted')
      await t.throwsAsync(store.get(name), { code: 'evicted' })
      t.false(await store.isReadable(name))
      t.deepEqual(await store.missing([hash]), [hash])
      t.like(await store.verify(name), {
        state: 'evicted',
        counts: { intact: 4, evicted: 1, corrupt: 0 },
      })
      await backend.set(`c:${chunk}`, value)
      await assertWhole(t, store)
    }
  },
)

onEveryEngine(
  'invariant 1: one bit flipped in any chunk is corrupt, then gone',
  async (t, backend) => {
    const store = await stored(backend)
    for (const [index, chunk] of chunkHashes.entries()) {
      const key = `c:${chunk}`
      const value = (await backend.get(key))!
      for (const bit of [0, value.length * 4 + index, value.length * 8 - 1]) {
        await backend.set(key, flipped(value, bit))
        const file = await store.get(name)
        await t.throwsAsync(file.bytes(), { code: 'corrupt' })
        t.is(await backend.get(key), undefined, 'the next reader finds an honest gap')
        await assertLost(t, store, 'evicted')
      }
      await backend.set(key, value)
    }
    await assertWhole(t, store)
  },
)

const wrongValues: [string, (value: Buffer) => Buffer][] = [
  ['nothing', () => Buffer.alloc(0)],
  ['the first byte', (value) => value.subarray(0, 1)],
  ['all but the last byte', (value) => value.subarray(0, -1)],
  ['a byte more', (value) => Buffer.concat([value, Buffer.from('x')])],
  ['its own twice', (value) => Buffer.concat([value, value])],
  ['zeros', (value) => Buffer.alloc(value.length)],
  ['another chunk of the file', () => content.subarray(1000, 2000)],
  ['the whole file', () => content],
]
for (const [what, wrong] of wrongValues) {
  onEveryEngine(`invariant 1: ${what} under a chunk's key is corrupt`, async (t, backend) => {
    const store = await stored(backend)
    await backend.change(`c:${chunkHashes[2]}`, wrong)
    const file = await store.get(name)
    const parts: Buffer[] = []
    await t.throwsAsync(
      async () => {
        for await (const part of file.stream()) parts.push(part)
      },
      { code: 'corrupt' },
    )
    t.deepEqual(Buffer.concat(parts), content.subarray(0, 2000), 'what came before is right')
    t.deepEqual(await file.bytes({ start: 3000, end: 4500 }), content.subarray(3000))
    t.is(store.memoryUsage.used, 0)
  })
}

onEveryEngine('invariant 1: two chunks that changed places are corrupt', async (t, backend) => {
  const store = await stored(backend)
  const [one, two] = [`c:${chunkHashes[1]}`, `c:${chunkHashes[3]}`]
  const value = (await backend.get(one))!
  await backend.set(one, (await backend.get(two))!)
  await backend.set(two, value)
  await t.throwsAsync((await store.get(name)).bytes(), { code: 'corrupt' })
})

onEveryEngine('invariant 8: one bit flipped anywhere in a link is corrupt', async (t, backend) => {
  const store = await stored(backend)
  for (const [key, ref, other] of [
    [byHash, { hash }, { name }],
    [byName, { name }, { hash }],
  ] as const) {
    const record = (await backend.get(key))!
    for (let bit = 0; bit < record.length * 8; bit += 61) {
      await backend.set(key, flipped(record, bit))
      await t.throwsAsync(store.find(ref), { code: 'corrupt' }, `bit ${bit}`)
      await t.throwsAsync(store.verify(ref), { code: 'corrupt' })
      t.false(await store.isReadable(ref))
      t.deepEqual(await backend.get(key), flipped(record, bit), 'a read deletes no link')
    }
    t.deepEqual(
      await (await store.get(other)).bytes(),
      content,
      'the other link is as good as ever',
    )
    await backend.set(key, record)
  }
})

onEveryEngine(
  'invariant 8: a link that was copied to another key is corrupt',
  async (t, backend) => {
    const store = await stored(backend)
    await store.put('another', { name: 'another' })
    const anotherKey = `n:${Digest.of(Buffer.from('another')).hex}`
    for (const from of [byName, byHash]) {
      await backend.set(anotherKey, (await backend.get(from))!)
      await t.throwsAsync(store.get({ name: 'another' }), { code: 'corrupt' })
    }
    await backend.set(byHash, (await backend.get(byName))!)
    await t.throwsAsync(store.get({ hash }), { code: 'corrupt' })
  },
)

onEveryEngine(
  'invariant 8: a well-sealed link that means another file is corrupt',
  async (t, backend) => {
    const store = await stored(backend)
    const other = manifestOf(bytes('other', 1500), 1000)
    const meant = { storedAt: Date.now(), ttl: 0 }
    const forge = (key: string, link: Link) => {
      return backend.set(key, encodeLink(link, backend.keyPrefix + key, new Sealer()))
    }
    await forge(byHash, { ...meant, manifest: other })
    await t.throwsAsync(store.find({ hash }), { code: 'corrupt' })
    await forge(byHash, { ...meant, manifest: (await store.find({ name })).manifest, name })
    await t.throwsAsync(store.find({ hash }), { code: 'corrupt' }, 'only links by name have one')
    await forge(byName, { ...meant, manifest: other, name: 'another name' })
    await t.throwsAsync(store.find({ name }), { code: 'corrupt' })
    await forge(byName, { ...meant, manifest: other, name })
    t.is((await store.find({ name })).hash, other.digest.hex)
  },
)

onEveryEngine('invariant 5: the same upload heals every kind of damage', async (t, backend) => {
  const store = await stored(backend)
  const damages: [string, () => Promise<void>][] = [
    ['a chunk gone', () => backend.delete(`c:${chunkHashes[0]}`)],
    ['a bit flipped', () => backend.flip(`c:${chunkHashes[4]}`, 77)],
    ['a foreign value', () => backend.set(`c:${chunkHashes[2]}`, Buffer.from('foreign'))],
    ['the link by hash wrong', () => backend.flip(byHash, 500)],
    ['the link by name wrong', () => backend.flip(byName, 500)],
    [
      'both links gone',
      async () => void [await backend.delete(byHash), await backend.delete(byName)],
    ],
  ]
  for (const [what, damage] of damages) {
    await damage()
    t.is((await store.put(content, { name })).hash, hash, what)
    await assertWhole(t, store)
  }
})

onEveryEngine('verify tells the state of every chunk and changes nothing', async (t, backend) => {
  const store = await stored(backend)
  await backend.delete(`c:${chunkHashes[1]}`)
  await backend.flip(`c:${chunkHashes[3]}`, 5)
  const keys = [byHash, byName, ...chunkHashes.map((chunk) => `c:${chunk}`)]
  const before = await Promise.all(keys.map((key) => backend.get(key)))
  for (let round = 0; round < 2; round++) {
    const { chunks, ...rest } = await store.verify({ name })
    t.deepEqual(rest, {
      state: 'corrupt',
      hash,
      size: 4500,
      chunkSize: 1000,
      counts: { intact: 3, evicted: 1, corrupt: 1 },
    })
    const states = ['intact', 'evicted', 'intact', 'corrupt', 'intact']
    t.deepEqual(
      chunks,
      states.map((state, index) => ({
        hash: chunkHashes[index]!,
        offset: index * 1000,
        size: index < 4 ? 1000 : 500,
        state: state as 'intact',
      })),
    )
  }
  t.deepEqual(await Promise.all(keys.map((key) => backend.get(key))), before)
})
