import test, { type ExecutionContext } from 'ava'
import { Digest, FileStore, memcached } from '../../../src/index.ts'
import { ask } from '../../helpers/http.ts'
import { type Memcached, startMemcached } from '../../helpers/memcached.ts'
import { startTestServer } from '../../helpers/server.ts'

const keyOf = (name: string) => `n:${Digest.of(Buffer.from(name)).hex}`

function serve(t: ExecutionContext, server: Memcached, ...secret: string[]) {
  return startTestServer(t, { engine: memcached(server.address), store: { secret } })
}

/** What somebody does who can write to memcached and knows this program, but not the secret. */
async function forge(t: ExecutionContext, server: Memcached, secret?: string) {
  const store = new FileStore(memcached(server.address), secret === undefined ? {} : { secret })
  t.teardown(() => store.close())
  await store.put('evil', { name: 'a' })
}

test('invariant 8: with a secret, no record that memcached was given by others is served', async (t) => {
  const server = await startMemcached(t)
  const { url } = await serve(t, server, 'first')
  const put = (name: string) => ask(`${url}/files/${name}`, { method: 'PUT', body: `good ${name}` })
  const refused = async (how: string) => {
    const { status, headers } = await ask(`${url}/files/a`)
    t.is(status, 404, how)
    t.is(headers['cache-status'], 'blobcached; detail=corrupt', how)
    await put('a')
    t.is((await ask(`${url}/files/a`)).text, 'good a', how)
  }
  await put('a')
  await put('b')
  await server.raw.set(keyOf('a'), (await server.raw.get(keyOf('b')))!)
  await refused('the record of another name')
  await forge(t, server)
  await refused('a record with a plain seal')
  await forge(t, server, 'guess')
  await refused('a record sealed with another secret')
})

test('a secret is replaced without losing a file', async (t) => {
  const server = await startMemcached(t)
  const before = await serve(t, server, 'old')
  await ask(`${before.url}/files/a`, { method: 'PUT', body: 'content' })
  const during = await serve(t, server, 'new', 'old')
  t.is((await ask(`${during.url}/files/a`)).text, 'content')
  await ask(`${during.url}/files/b`, { method: 'PUT', body: 'newer' })
  const after = await serve(t, server, 'new')
  t.is((await ask(`${after.url}/files/b`)).text, 'newer')
  t.is((await ask(`${after.url}/files/a`)).headers['cache-status'], 'blobcached; detail=corrupt')
})
