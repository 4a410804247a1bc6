import test from 'ava'
import { FileStore, type MemcachedFleet, UnavailableError } from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { startMemcached } from '../../helpers/memcached.ts'
import { connect, holders, startFleet, until } from './harness.ts'

const CHUNK_SIZE = 20_000
const FILES = Array.from({ length: 40 }, (_, i) => bytes(`file ${i}`, 9 * CHUNK_SIZE + 777))

const nameOf = ({ address }: { address: string }) => address
const storeOver = (engine: MemcachedFleet, chunkSize = CHUNK_SIZE) =>
  new FileStore(engine, { chunkSize })

for (const replicas of [1, 2]) {
  test(`${replicas} copies: the chunks of a file are on the same servers, so one that is gone takes whole files`, async (t) => {
    const { servers, engine } = await startFleet(t, 5, { replicas })
    const store = storeOver(engine)
    const hashes: string[] = []
    for (const content of FILES) hashes.push((await store.put(content)).hash)
    const first = new Map<string, number>()
    for (const hash of hashes) {
      const { manifest } = await store.find({ hash })
      const places = await Promise.all(
        [...manifest.chunks()].map(({ digest }) => holders(servers, `c:${digest.hex}`)),
      )
      t.is(places[0]!.length, replicas)
      for (const place of places) t.deepEqual(place.map(nameOf), places[0]!.map(nameOf))
      const { address } = places[0]![0]!
      first.set(address, (first.get(address) ?? 0) + 1)
    }
    await servers[0]!.stop('SIGKILL')
    let lost = 0
    for (const hash of hashes) {
      const read = store.find({ hash }).then((file) => file.bytes())
      await read.catch((error) => {
        t.true(error instanceof UnavailableError)
        lost++
      })
    }
    t.is(lost, replicas === 1 ? (first.get(servers[0]!.address) ?? 0) : 0)
    t.true(lost < FILES.length / 2)
  })
}

test('a file of more than a stripe goes to the next servers with the next stripe', async (t) => {
  const { servers, engine } = await startFleet(t, 3)
  const chunkSize = 1_000_000
  const store = storeOver(engine, chunkSize)
  const { hash } = await store.put(bytes('large', 40 * chunkSize))
  const { manifest } = await store.find({ hash })
  const chunks = [...manifest.chunks()]
  const stripes = new Set(chunks.map(({ near }) => near.hex))
  t.is(stripes.size, 2)
  t.deepEqual([...stripes], [chunks[0]!.digest.hex, chunks[34]!.digest.hex])
  for (const { digest, near } of chunks) {
    const [place] = await holders(servers, `c:${near.hex}`)
    t.deepEqual((await holders(servers, `c:${digest.hex}`)).map(nameOf), [place!.address])
  }
})

for (const replicas of [1, 2]) {
  test(`${replicas} copies: chunks where their own digest says are found, and moved`, async (t) => {
    const { servers, engine } = await startFleet(t, 5, { replicas })
    const store = storeOver(engine)
    for (const content of FILES.slice(0, 8)) {
      const { hash } = await store.put(content)
      const { manifest } = await store.find({ hash })
      const chunks = [...manifest.chunks()]
      for (const { digest, offset, size } of chunks) {
        const key = `c:${digest.hex}`
        t.true(await engine.delete(key))
        // As the version before did.
        await engine.set(key, content.subarray(offset, offset + size))
      }
      t.true(await store.isReadable({ hash }))
      t.true((await (await store.get({ hash })).bytes()).equals(content))
      await until('the chunks are together', async () => {
        // A copy that another one spares a look at is found missing by another read.
        await (await store.find({ hash })).bytes()
        const places = await holders(servers, `c:${chunks[0]!.digest.hex}`)
        for (const { digest } of chunks) {
          const place = await holders(servers, `c:${digest.hex}`)
          if (!places.every((server) => place.includes(server))) return false
        }
        return true
      })
    }
  })
}

test('a fifth server takes its part of the files, and none is missed', async (t) => {
  const { servers, engine } = await startFleet(t, 4)
  const store = storeOver(engine)
  const hashes: string[] = []
  for (const content of FILES) hashes.push((await store.put(content)).hash)
  const fifth = await startMemcached(t, { memoryMb: 64 })
  engine.setAddresses([...servers, fifth].map(({ address }) => address))
  const readAll = async () => {
    for (const [i, hash] of hashes.entries()) {
      t.true((await (await store.get({ hash })).bytes()).equals(FILES[i]!))
    }
  }
  await readAll()
  const moved: string[] = []
  for (const hash of hashes) {
    const { manifest } = await store.find({ hash })
    const [first] = [...manifest.chunks()]
    if ((await holders([fifth], `c:${first!.digest.hex}`)).length > 0) moved.push(hash)
  }
  t.true(moved.length > 0 && moved.length < FILES.length / 2, `${moved.length}`)
  engine.setAddresses(servers.map(({ address }) => address))
  await readAll()
})

test('what is read very often is read from more servers after a while', async (t) => {
  const { servers } = await startFleet(t, 5)
  const content = FILES[0]!
  const { store: writer } = connect(t, servers)
  const { engine } = connect(t, servers, { sharedBytes: 3 * content.length })
  const store = storeOver(engine)
  const { hash } = await store.put(content)
  const { manifest } = await writer.find({ hash })
  const copies = async () => {
    const places = [...manifest.chunks()].map(({ digest }) => holders(servers, `c:${digest.hex}`))
    return (await Promise.all(places)).map(({ length }) => length)
  }
  const file = await store.get({ hash })
  t.true((await file.bytes()).equals(content))
  t.true((await copies()).every((count) => count === 1))
  for (let i = 0; i < 30; i++) t.true((await file.bytes()).equals(content))
  await until('all chunks are on three servers at least', async () => {
    t.true((await file.bytes()).equals(content))
    return (await copies()).every((count) => count >= 3)
  })
})
