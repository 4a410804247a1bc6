import test, { type ExecutionContext } from 'ava'
import { FileStore, type FileStoreOptions, memory } from '../../../src/index.ts'
import { Keys } from '../../../src/store/records/keys.ts'
import { encodeLink } from '../../../src/store/records/link.ts'
import { Sealer } from '../../../src/store/records/seal.ts'
import { bytes } from '../../helpers/bytes.ts'
import { FaultyEngine } from '../../helpers/faulty-engine.ts'
import { type Answer, type Ask, ask } from '../../helpers/http.ts'
import { expectSamples } from '../../helpers/metrics.ts'
import { FORGERIES, manifestOf } from '../../helpers/records.ts'
import { startTestServer } from '../../helpers/server.ts'

/** With three chunks, of which all have the same size: their list can be cut and doubled. */
const CHUNK = 10_000
const content = bytes('the file', 3 * CHUNK)
const other = bytes('another file', 3 * CHUNK)
const manifest = manifestOf(content, CHUNK)
const { hash, strong } = { hash: manifest.digest.hex, strong: `"${manifest.digest.hex}"` }
/** A read may not hold the file, or its forgery. */
const SMALL = { memory: { total: 6 * CHUNK, perRead: CHUNK } }

/** What is stored outlasts each server. */
const shared = new FaultyEngine(memory())
shared.close = async () => {}
let prefixes = 0

/** A server over an engine in which another program has changed the records of a file. */
async function forged(
  t: ExecutionContext,
  forge: (typeof FORGERIES)[number][1],
  isFresh: boolean,
  options: FileStoreOptions = {},
) {
  const keyPrefix = `forged-${++prefixes}/`
  const settings = { chunkSize: CHUNK, keyPrefix, ...options }
  const open = () => startTestServer(t, { engine: shared, store: settings })
  const writer = await open()
  await writer.store.put(content, { name: 'f' })
  await writer.store.put(other)
  const server = isFresh ? await open() : writer
  const wrong = { manifest: forge(manifest, manifestOf(other, CHUNK)), storedAt: 0, ttl: 0 }
  const keys = new Keys(keyPrefix)
  const set = (key: string, link: typeof wrong) =>
    shared.set(key, encodeLink(link, key, new Sealer()))
  await set(keys.linkByHash(manifest.digest), wrong)
  await set(keys.linkByName('f'), Object.assign({ name: 'f' }, wrong))
  const chunks = [...wrong.manifest.chunks()]
  const contents = new Map(
    [content, other].flatMap((each) =>
      [...manifestOf(each, CHUNK).chunks()].map(
        ({ digest, offset, size }) => [digest.hex, each.subarray(offset, offset + size)] as const,
      ),
    ),
  )
  /** What the forged record leads to. */
  const meant = Buffer.concat(chunks.map(({ digest }) => contents.get(digest.hex)!))
  const lose = (index: number) => shared.delete(keys.chunk(wrong.manifest.chunk(index).digest))
  return { ...server, meant, lose }
}

function corrupt(t: ExecutionContext, answer: Answer, what?: string) {
  t.is(answer.status, 404, what)
  t.is(answer.headers['cache-status'], 'blobcached; detail=corrupt', what)
}

const rangeOf = (range: string, headers = {}): Ask => ({ headers: { Range: range, ...headers } })
const PATHS = [`/blobs/${hash}`, '/files/f', `/x/cas/${hash}`]

for (const [how, forge] of FORGERIES) {
  for (const isFresh of [false, true]) {
    const where = isFresh ? 'on a fresh server' : 'on the server that stored the file'

    test(`a record ${how} is corrupt, read whole or in part, ${where}`, async (t) => {
      for (const options of [{}, SMALL]) {
        for (const path of PATHS) {
          const { url } = await forged(t, forge, isFresh, options)
          for (let i = 0; i < 2; i++) corrupt(t, await ask(url + path), path)
          for (const each of PATHS) corrupt(t, await ask(url + each, rangeOf('bytes=5-9')), each)
          corrupt(t, await ask(url + path, { method: 'HEAD' }), path)
          await expectSamples(t, url, { blobcached_manifests_disproved_total: 1 })
        }
      }
      for (const path of PATHS) {
        const { url } = await forged(t, forge, isFresh)
        corrupt(t, await ask(url + path, rangeOf('bytes=5-9')), path)
        corrupt(t, await ask(url + path, rangeOf('bytes=5-9,20-30')), path)
      }
    })

    test(`a record ${how} that is streamed is cut off before its end, ${where}`, async (t) => {
      for (const options of [{}, SMALL]) {
        for (const path of PATHS) {
          const { url } = await forged(t, forge, isFresh, options)
          await t.throwsAsync(ask(`${url}${path}?verify=stream`), { message: 'aborted' }, path)
          corrupt(t, await ask(`${url}${path}?verify=stream`), path)
        }
      }
    })

    test(`a part of a large file whose record is ${how} is not said to be of its hash, ${where}`, async (t) => {
      for (const path of PATHS) {
        for (const verify of ['full', 'stream']) {
          const { url, meant } = await forged(t, forge, isFresh, SMALL)
          const get = (range: string, headers = {}) =>
            ask(
              `${url}${path}?verify=${verify}`,
              rangeOf(range, { 'Want-Digest': 'sha-256', ...headers }),
            )
          for (const [range, body] of [
            ['bytes=5-9', meant.subarray(5, 10)],
            [`bytes=${CHUNK}-`, meant.subarray(CHUNK)],
          ] as const) {
            const answer = await get(range)
            t.is(answer.status, 206)
            t.true(answer.body.equals(body))
            t.like(answer.headers, {
              etag: `W/${strong}`,
              'repr-digest': undefined,
              digest: undefined,
              'cache-control': 'no-cache',
            })
          }
          const head = await ask(url + path, { method: 'HEAD' })
          t.is(head.headers.etag, `W/${strong}`)
          t.is(head.headers['repr-digest'], undefined)
          // A client that has a part of the right content gets nothing to put beside it.
          corrupt(t, await get('bytes=5-9', { 'If-Range': strong }), 'If-Range')
          corrupt(t, await get('bytes=5-9'), 'afterwards')
        }
      }
      for (const path of PATHS) {
        const { url } = await forged(t, forge, isFresh, SMALL)
        corrupt(t, await ask(url + path, rangeOf('bytes=5-9', { 'If-Match': strong })), 'If-Match')
      }
    })
  }

  test(`a record ${how} is corrupt where a secret is set, however it is read`, async (t) => {
    const { url } = await forged(t, forge, true, { ...SMALL, secret: 'secret' })
    for (const path of PATHS) {
      corrupt(t, await ask(url + path))
      corrupt(t, await ask(`${url}${path}?verify=stream`))
      corrupt(t, await ask(url + path, rangeOf('bytes=5-9')))
      corrupt(t, await ask(url + path, { method: 'HEAD' }))
    }
  })

  test(`a record ${how} is replaced by an upload of the file, once it is disproved`, async (t) => {
    const { url, store } = await forged(t, forge, true)
    const missing = async () => {
      const body = JSON.stringify({ hashes: [hash] })
      const headers = { 'Content-Type': 'application/json' }
      return (await ask(`${url}/blobs/missing`, { method: 'POST', headers, body })).json()
    }
    t.deepEqual(await missing(), { missing: [] }, 'its chunks are there')
    corrupt(t, await ask(`${url}/blobs/${hash}`))
    t.deepEqual(await missing(), { missing: [hash] })
    t.false(await store.isReadable({ name: 'f' }))
    corrupt(t, await ask(`${url}/files/g?from=${hash}`, { method: 'PUT' }), 'a name for it')
    const put = { method: 'PUT', body: content, headers: { 'If-None-Match': '*' } }
    t.is((await ask(`${url}/files/f`, put)).status, 200)
    for (const path of PATHS) t.true((await ask(url + path)).body.equals(content))
    t.deepEqual(await missing(), { missing: [] })
  })
}

for (const [what, options, isProven] of [
  ['with a secret', { secret: 'secret' }, true],
  ['without one', {}, false],
] as const) {
  test(`what a fresh server says of a good file ${what}`, async (t) => {
    const settings = { chunkSize: CHUNK, keyPrefix: `good-${++prefixes}/`, ...SMALL, ...options }
    const writer = new FileStore(shared, settings)
    t.teardown(() => writer.close())
    await writer.put(content, { name: 'f' })
    const fresh = () => startTestServer(t, { engine: shared, store: settings })
    const digest = `sha-256=:${Buffer.from(hash, 'hex').toString('base64')}:`
    const weak = { etag: `W/${strong}`, 'repr-digest': undefined, 'cache-control': 'no-cache' }
    const full = {
      etag: strong,
      'repr-digest': digest,
      'cache-control': 'max-age=31536000, immutable',
    }
    const first = isProven ? full : weak

    const { url } = await fresh()
    const path = `${url}/blobs/${hash}`
    t.like((await ask(path, { method: 'HEAD' })).headers, first)
    t.like((await ask(path, rangeOf('bytes=5-9'))).headers, first)
    const manifestOfIt = await ask(`${path}/manifest`)
    t.is(manifestOfIt.headers['cache-control'], first['cache-control'])
    const unchanged = await ask(path, { headers: { 'If-None-Match': strong } })
    t.is(unchanged.status, 304)
    t.is(unchanged.headers.etag, first.etag)
    const whole = await ask(path)
    t.like(whole.headers, full)
    t.true(whole.body.equals(content))
    t.like((await ask(path, { method: 'HEAD' })).headers, full)
    t.like((await ask(path, rangeOf('bytes=5-9'))).headers, full)

    const streaming = await fresh()
    const streamed = await ask(`${streaming.url}/blobs/${hash}?verify=stream`)
    t.like(streamed.headers, first)
    t.true(streamed.body.equals(content))
    t.like((await ask(`${streaming.url}/blobs/${hash}?verify=stream`)).headers, full)

    const resuming = await fresh()
    const resumed = await ask(
      `${resuming.url}/blobs/${hash}`,
      rangeOf('bytes=5-', { 'If-Range': strong }),
    )
    t.is(resumed.status, 206)
    t.like(resumed.headers, full)
    t.true(resumed.body.equals(content.subarray(5)))
  })
}

test('a range of a file that one read may hold is proven first, and served if another part is lost', async (t) => {
  const settings = { chunkSize: CHUNK, keyPrefix: `part-${++prefixes}/` }
  const open = () => startTestServer(t, { engine: shared, store: settings })
  const { store } = await open()
  await store.put(content, { name: 'f' })
  const whole = await open()
  const good = await ask(`${whole.url}/files/f`, rangeOf('bytes=5-9'))
  t.is(good.headers.etag, strong)

  await store.engine.delete(`${settings.keyPrefix}c:${manifest.chunk(2).digest.hex}`)
  const { url } = await open()
  const part = await ask(`${url}/files/f`, rangeOf('bytes=5-9'))
  t.is(part.status, 206)
  t.is(part.headers.etag, `W/${strong}`)
  t.true(part.body.equals(content.subarray(5, 10)))
  const rest = await ask(`${url}/files/f`, rangeOf('bytes=5-9', { 'If-Range': strong }))
  t.is(rest.status, 404)
  t.is(rest.headers['cache-status'], 'blobcached; detail=evicted')
})

for (const [how, forge] of FORGERIES) {
  test(`where another part is lost, a part of a file whose record is ${how} is not said to be of its hash`, async (t) => {
    for (const path of PATHS) {
      const { url, meant, lose } = await forged(t, forge, true)
      await lose(1)
      for (const verify of ['full', 'stream']) {
        const get = (range: string, headers = {}) =>
          ask(`${url}${path}?verify=${verify}`, rangeOf(range, headers))
        const part = await get('bytes=5-9', { 'Want-Digest': 'sha-256' })
        t.is(part.status, 206)
        t.true(part.body.equals(meant.subarray(5, 10)))
        t.like(part.headers, {
          etag: `W/${strong}`,
          'repr-digest': undefined,
          digest: undefined,
          'cache-control': 'no-cache',
        })
        for (const headers of [{ 'If-Range': strong }, { 'If-Match': strong }]) {
          const rest = await get('bytes=5-9', headers)
          t.is(rest.status, 404)
          t.is(rest.headers['cache-status'], 'blobcached; detail=evicted')
        }
      }
      for (const verify of ['full', 'stream']) {
        const whole = ask(`${url}${path}?verify=${verify}`)
        if (verify === 'stream') await t.throwsAsync(whole, { message: 'aborted' })
        else t.is((await whole).status, 404)
      }
    }
  })
}
