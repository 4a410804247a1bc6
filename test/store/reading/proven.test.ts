import test, { type ExecutionContext } from 'ava'
import { FileStore, type FileStoreOptions, memcached, memory } from '../../../src/index.ts'
import { Keys } from '../../../src/store/records/keys.ts'
import { encodeLink } from '../../../src/store/records/link.ts'
import { Manifest } from '../../../src/store/records/manifest.ts'
import { Sealer } from '../../../src/store/records/seal.ts'
import { bytes } from '../../helpers/bytes.ts'
import { FaultyEngine, follow, hold } from '../../helpers/faulty-engine.ts'
import { startMemcached } from '../../helpers/memcached.ts'
import { FORGERIES, manifestOf } from '../../helpers/records.ts'
import { until, watched } from '../../helpers/watchdog.ts'

const CHUNK = 1000
const content = bytes('the file', 3 * CHUNK)
const other = bytes('another file', 3 * CHUNK)
const manifest = manifestOf(content, CHUNK)
const hash = manifest.digest.hex

async function collect(parts: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = []
  for await (const part of parts) all.push(part)
  return Buffer.concat(all)
}

/** The engine with both files, and a store that has neither stored nor read any of them. */
async function fresh(options: FileStoreOptions = {}) {
  const engine = new FaultyEngine(memory())
  const writer = new FileStore(engine, { chunkSize: CHUNK })
  await writer.put(content, { name: 'a' })
  await writer.put(other)
  const store = new FileStore(engine, { chunkSize: CHUNK, ...options })
  return { engine, writer, store }
}

/** As `fresh`, where the record by hash leads to other content. */
async function forged(how: number, options: FileStoreOptions = {}) {
  const { engine, writer, store } = await fresh(options)
  const wrong = FORGERIES[how]![1](manifest, manifestOf(other, CHUNK))
  const key = new Keys().linkByHash(manifest.digest)
  const link = { manifest: wrong, storedAt: Date.now(), ttl: 0 }
  await engine.set(key, encodeLink(link, key, new Sealer()))
  const disproved: string[] = []
  store.observe({ manifestDisproved: (which) => disproved.push(which) })
  return { engine, writer, store, disproved }
}

const ways: [string, (store: FileStore) => Promise<unknown>][] = [
  ['bytes', async (store) => (await store.get(hash)).bytes()],
  ['a part of the bytes', async (store) => (await store.get(hash)).bytes({ start: 5, end: 9 })],
  ['stream', async (store) => collect((await store.get(hash)).stream())],
  ['a part of stream', async (store) => collect((await store.get(hash)).stream({ end: 5 }))],
  ['prepare', async (store) => (await (await store.get(hash)).prepare()).close()],
  [
    'prepare for a part',
    async (store) => (await (await store.get(hash)).prepare([{ start: 5, end: 9 }])).close(),
  ],
  [
    'prepare with verify: stream',
    async (store) => {
      const file = await store.get(hash)
      const whole = { start: 0, end: file.size }
      const read = await file.prepare([whole], { verify: 'stream' })
      await collect(read.stream(whole))
      read.close()
    },
  ],
]
for (const [how, [what]] of FORGERIES.entries()) {
  for (const [way, read] of ways) {
    test(`invariant 9: a record ${what} is corrupt by ${way}, and is not read again`, async (t) => {
      const { engine, store, disproved } = await forged(how)
      await t.throwsAsync(read(store), { code: 'corrupt' })
      t.deepEqual(disproved, [hash])
      t.is(store.memoryUsage.used, 0)
      const calls = follow(engine)
      for (const [, again] of ways) await t.throwsAsync(again(store), { code: 'corrupt' })
      await t.throwsAsync(store.link(hash, { name: 'b' }), { code: 'corrupt' })
      t.deepEqual(await store.missing([hash]), [hash])
      t.deepEqual(new Set(calls), new Set([`get h:${hash}`]))
      t.deepEqual(disproved, [hash])
      await store.put(content)
      t.deepEqual(await (await store.get(hash)).bytes(), content)
    })
  }

  test(`invariant 9: of a record ${what} that is streamed, the last chunk is kept back`, async (t) => {
    const { store } = await forged(how)
    const file = await store.get(hash)
    const parts: Buffer[] = []
    const read = async () => {
      for await (const part of file.stream()) parts.push(part)
    }
    await t.throwsAsync(read, { code: 'corrupt' })
    t.is(parts.length, file.manifest.chunkCount - 1)
  })

  test(`verify and repair tell that a record ${what} is corrupt`, async (t) => {
    for (const tell of ['verify', 'repair'] as const) {
      const { store, disproved } = await forged(how)
      t.is((await store[tell](hash)).state, 'corrupt')
      t.deepEqual(disproved, [hash])
      await t.throwsAsync(store.find(hash), { code: 'corrupt' })
    }
  })
}

test('a file that was forged is proven by its own record, whichever was read first', async (t) => {
  const { engine, writer, store } = await forged(3)
  await t.throwsAsync((await store.get(hash)).bytes(), { code: 'corrupt' })
  t.deepEqual(await (await store.get('a')).bytes(), content)
  await writer.put(content)
  t.deepEqual(await (await store.get(hash)).bytes(), content)
  t.true((await store.find(hash)).isProven)
  const secret = new FileStore(engine, { chunkSize: CHUNK, secret: 'secret' })
  await t.throwsAsync(secret.get(hash), { code: 'corrupt' })
})

test('what proves a manifest: the secret, storing it, reading or verifying the whole', async (t) => {
  const isProven = async (store: FileStore) => (await store.find(hash)).isProven
  const { writer, engine } = await fresh()
  t.true(await isProven(writer))
  const proofs: [string, (store: FileStore) => Promise<unknown>, boolean][] = [
    ['the link', (store) => store.get(hash), false],
    ['a name for it', (store) => store.link(hash, { name: 'b' }), false],
    ['a look for it', (store) => store.missing([hash]), false],
    ...ways.map(([way, read]): [string, typeof read, boolean] => [way, read, true]),
    ['verify', (store) => store.verify(hash), true],
    ['repair', (store) => store.repair(hash), true],
    ['by name', async (store) => (await store.get('a')).bytes(), true],
  ]
  for (const [what, prove, expected] of proofs) {
    const store = new FileStore(engine, { chunkSize: CHUNK })
    t.false(await isProven(store))
    await prove(store)
    t.is(await isProven(store), expected, what)
  }
  const sealing = new FileStore(memory(), { chunkSize: CHUNK, secret: 'secret' })
  await sealing.put(content)
  const reading = new FileStore(sealing.engine, { chunkSize: CHUNK, secret: 'secret' })
  t.true(await isProven(reading))
})

test('a record that gives a chunk another length is disproved by that chunk', async (t) => {
  const { engine, writer } = await fresh()
  const { hash } = await writer.put(content.subarray(0, 2500))
  const { digest, manifest } = await writer.find(hash)
  const list = manifest.digests
  // Without the second of three chunks, of which the last one is shorter.
  const shorter = Buffer.concat([list.subarray(0, 32), list.subarray(64)])
  const forged = new Manifest(digest, 2000, CHUNK, shorter)
  const key = new Keys().linkByHash(digest)
  await engine.set(key, encodeLink({ manifest: forged, storedAt: 1, ttl: 0 }, key, new Sealer()))
  const store = new FileStore(engine, { chunkSize: CHUNK })
  await t.throwsAsync((await store.get(hash)).bytes({ start: 1500 }), { code: 'corrupt' })
  await t.throwsAsync(store.find(hash), { code: 'corrupt' })
})

test('a file of one chunk or none needs no proof', async (t) => {
  const { engine } = await fresh()
  for (const small of [bytes('small', 900), Buffer.alloc(0)]) {
    const writer = new FileStore(engine, { chunkSize: CHUNK })
    const stored = await writer.put(small)
    const file = await new FileStore(engine, { chunkSize: CHUNK }).get(stored.hash)
    t.true(file.isProven)
    t.true((await file.prepare()).isProven)
  }
})

test('a part of a file that no read may hold is served as what the link lists', async (t) => {
  const { engine, store } = await fresh({ memory: { perRead: CHUNK } })
  const part = [{ start: 5, end: 9 }]
  const file = await store.get(hash)
  const read = await file.prepare(part)
  t.false(read.isProven)
  t.deepEqual(await collect(read.stream(part[0]!)), content.subarray(5, 9))
  read.close()
  const calls = follow(engine)
  const proven = await file.prepare(part, { prove: true })
  t.true(proven.isProven)
  proven.close()
  t.is(new Set(calls).size, 3, 'all chunks')
  calls.length = 0
  ;(await file.prepare(part)).close()
  t.is(calls.length, 1)
})

test('readers of parts share one reading of the whole, which ends when all have left', async (t) => {
  const { engine, store } = await fresh({ memory: { total: 100 * CHUNK } })
  const file = await store.get(hash)
  const last = new RegExp(manifest.chunk(2).digest.hex)
  const { gate, asked } = hold(engine, { operation: 'get', keys: last })
  const part = [{ start: 1, end: 2 }]
  const controllers = Array.from({ length: 5 }, () => new AbortController())
  const reads = controllers.map(({ signal }) => file.prepare(part, { signal }))
  await asked.promise
  const { used } = store.memoryUsage
  t.true(used > 0 && used <= content.length, `${used} bytes for five`)
  for (const controller of controllers.slice(1)) controller.abort(new Error('left'))
  for (const read of reads.slice(1)) await t.throwsAsync(read, { message: 'left' })
  gate.resolve()
  const read = await watched('the one that stayed', reads[0]!)
  t.true(read.isProven)
  read.close()

  const again = new FileStore(engine, { chunkSize: CHUNK })
  const unproven = await again.get(hash)
  const held = hold(engine, { operation: 'get', keys: last })
  const leaving = new AbortController()
  const left = unproven.prepare(part, { signal: leaving.signal })
  await held.asked.promise
  leaving.abort(new Error('left'))
  await t.throwsAsync(left, { message: 'left' })
  const next = unproven.prepare(part)
  held.gate.resolve()
  const own = await watched('the next one', next)
  t.true(own.isProven)
  own.close()
  await until('the memory to be given back', () => again.memoryUsage.used === 0)
})

async function overMemcached(t: ExecutionContext, options: FileStoreOptions) {
  const { address } = await startMemcached(t)
  const open = () => {
    const engine = memcached(address, { timeoutMs: 10_000, connectTimeoutMs: 10_000 })
    const store = new FileStore(engine, { chunkSize: 200_000, ...options })
    t.teardown(() => store.close())
    return store
  }
  const large = bytes('large', 3_500_000)
  const { hash } = await open().put(large, { name: 'large' })
  return { open, large, hash }
}

for (const hashThreads of [0, 1]) {
  for (const [way, memoryOptions] of [
    ['held', {}],
    ['read twice', { perRead: 0 }],
  ] as const) {
    test(`large chunks are proven with ${hashThreads} hash threads where they are ${way}`, async (t) => {
      const options = { hashThreads, memory: memoryOptions, hotCache: 10_000_000 }
      const { open, large, hash } = await overMemcached(t, options)
      const store = open()
      const whole = { start: 0, end: large.length }
      await store.put(bytes('before', 1_000_000)) // Its thread is ready then.
      const reads = Array.from({ length: 4 }, async () => {
        const read = await (await store.get(hash)).prepare([whole])
        t.true(read.isProven)
        t.true((await collect(read.stream(whole))).equals(large))
        read.close()
      })
      await Promise.all(reads)
      t.is(store.memoryUsage.used, 0)
      const { manifest, digest } = await store.find(hash)
      const key = new Keys().linkByHash(digest)
      const link = { manifest: FORGERIES[3]![1](manifest, manifest), storedAt: 1, ttl: 0 }
      await store.engine.set(key, encodeLink(link, key, new Sealer()))
      for (const reader of [store, open()]) {
        const file = await reader.get(hash)
        await t.throwsAsync(file.prepare([whole]), { code: 'corrupt' })
        await t.throwsAsync(reader.get(hash), { code: 'corrupt' })
        t.true((await (await reader.get('large')).bytes()).equals(large))
      }
    })
  }
}
