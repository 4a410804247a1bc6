import test, { type ExecutionContext } from 'ava'
import { memory } from '../../../src/index.ts'
import { Keys } from '../../../src/store/records/keys.ts'
import { encodeLink } from '../../../src/store/records/link.ts'
import type { Manifest } from '../../../src/store/records/manifest.ts'
import { Sealer } from '../../../src/store/records/seal.ts'
import { FaultyEngine } from '../../helpers/faulty-engine.ts'
import { type Answer, ask } from '../../helpers/http.ts'
import { FORGERIES, manifestOf } from '../../helpers/records.ts'
import { startTestServer } from '../../helpers/server.ts'

/** More than one read may hold by default, in chunks of the default size, all of one length. */
const CHUNK = 524_038
const COUNT = 172
const content = Buffer.alloc(COUNT * CHUNK, 'a large file ')
const other = Buffer.alloc(2 * CHUNK, 'another file ')
for (let index = 0; index < COUNT; index++) content.writeUInt32LE(index, index * CHUNK)
const manifest = manifestOf(content, CHUNK)
const { hex } = manifest.digest

/** What is stored outlasts each server. */
const engine = new FaultyEngine(memory())
engine.close = async () => {}
const keys = new Keys()

async function forge(wrong: Manifest) {
  const link = { manifest: wrong, storedAt: 0, ttl: 0 }
  for (const [key, named] of [
    [keys.linkByHash(manifest.digest), link],
    [keys.linkByName('f'), Object.assign({ name: 'f' }, link)],
  ] as const) {
    await engine.set(key, encodeLink(named, key, new Sealer()))
  }
}

function expectCorrupt(t: ExecutionContext, { status, headers }: Answer, what: string) {
  t.is(status, 404, what)
  t.is(headers['cache-status'], 'blobcached; detail=corrupt', what)
}

test('a file of 90 MB whose record is forged is never served, however it is read', async (t) => {
  const writer = await startTestServer(t, { engine })
  const put = { method: 'PUT', body: content }
  t.is((await ask(`${writer.url}/files/f`, put)).status, 201)
  await writer.store.put(other)
  const headers = { Range: `bytes=${CHUNK}-${CHUNK + 9}` }
  const paths = ['/files/f', `/blobs/${hex}`]
  for (const [index, [how, change]] of FORGERIES.entries()) {
    await forge(change(manifest, manifestOf(other, CHUNK)))
    const fresh = await startTestServer(t, { engine })
    const [reading, streaming] = index % 2 === 0 ? [writer, fresh] : [fresh, writer]
    // A part of it is served by what the record lists, and not said to be of the hash.
    const part = await ask(reading.url + paths[index % 2], { headers })
    if (part.status !== 404) t.is(part.headers.etag, `W/"${hex}"`, how)
    expectCorrupt(t, await ask(reading.url + paths[index % 2]), how)
    const streamed = ask(`${streaming.url}${paths[index % 2]}?verify=stream`)
    await streamed.then(
      (answer) => expectCorrupt(t, answer, how),
      ({ message }) => t.is(message, 'aborted', how),
    )
    for (const { url } of [writer, fresh]) {
      for (const path of paths) {
        for (const query of ['', '?verify=stream']) {
          expectCorrupt(t, await ask(url + path + query), `${how}: ${path}${query}`)
          expectCorrupt(t, await ask(url + path + query, { headers }), `${how}: a part`)
        }
      }
    }
    await fresh.close()
  }
  await forge(manifest)
  t.true((await ask(`${writer.url}/blobs/${hex}`)).body.equals(content))
})
