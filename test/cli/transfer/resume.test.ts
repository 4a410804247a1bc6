import { readdir, readFile } from 'node:fs/promises'
import test from 'ava'
import { Digest } from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { cliFor } from '../../helpers/cli.ts'
import { startFlakyProxy } from '../../helpers/flaky-proxy.ts'
import { startTestServer } from '../../helpers/server.ts'

const content = bytes('resume', 3_000_000)

test('get goes on where the connection was cut', async (t) => {
  const server = await startTestServer(t)
  const { hash } = await server.store.put(content, { name: 'a' })
  const proxy = await startFlakyProxy(t, server, (index) =>
    index < 2 ? { cutAfter: 1_000_000 } : undefined,
  )
  const cli = await cliFor(t, proxy)

  await cli.ok(['get', 'a'])

  t.true((await readFile(cli.path('a'))).equals(content))
  const [first, ...rest] = proxy.requests.map(({ headers }) => headers)
  t.is(first?.range, undefined)
  t.is(rest.length, 2)
  for (const headers of rest) {
    t.regex(String(headers.range), /^bytes=[1-9]\d+-$/)
    t.is(headers['if-range'], `"${hash}"`)
  }
})

test('get -o - goes on without a byte twice', async (t) => {
  const server = await startTestServer(t)
  await server.store.put(content, { name: 'a' })
  const proxy = await startFlakyProxy(t, server, (index) =>
    index === 0 ? { cutAfter: 1_000_000 } : undefined,
  )
  const cli = await cliFor(t, proxy)

  t.true((await cli.ok(['get', 'a', '-o', '-'])).bytes.equals(content))
})

test('get starts again when another file has the name by then', async (t) => {
  const server = await startTestServer(t)
  await server.store.put(content, { name: 'a' })
  const other = bytes('other', 2_000_000)
  const before = async () => void (await server.store.put(other, { name: 'a' }))
  const proxy = await startFlakyProxy(t, server, (index) =>
    index === 0 ? { cutAfter: 1_000_000, before } : undefined,
  )
  const cli = await cliFor(t, proxy)

  await cli.ok(['get', 'a'])

  t.true((await readFile(cli.path('a'))).equals(other))
})

test('get -c keeps what came and goes on from there; without it nothing is left', async (t) => {
  const server = await startTestServer(t)
  const { hash } = await server.store.put(content, { name: 'a' })
  let reads = 0
  const proxy = await startFlakyProxy(t, server, (_index, req) => {
    if (req.headers['if-none-match'] !== undefined) return undefined // It asks for the hash alone.
    return { cutAfter: reads++ % 2 === 0 ? 1_000_000 : 0 }
  })
  const broken = await cliFor(t, proxy)

  t.is((await broken.run(['get', 'a', '--retries', '0'])).code, 5)
  t.deepEqual(await readdir(broken.folder), [])
  t.is((await broken.run(['get', '-c', 'a', '--retries', '0'])).code, 5)
  t.deepEqual(await readdir(broken.folder), [`.blobcached-${hash}.part`])

  const ranges: unknown[] = []
  server.http.on('request', (req) => ranges.push(req.headers.range))
  await broken.ok(['get', '-c', 'a'], { env: { BLOBCACHED_SERVER: server.url } })

  t.regex(String(ranges.at(-1)), /^bytes=[1-9]\d+-$/)
  t.true((await readFile(broken.path('a'))).equals(content))
  t.deepEqual(await readdir(broken.folder), ['a'])
})

test('get refuses bytes that do not have the digest they were announced with', async (t) => {
  const server = await startTestServer(t)
  const { hash } = await server.store.put('content')
  const headers = { ETag: `"${hash}"` }
  const proxy = await startFlakyProxy(t, server, () => ({ status: 200, headers, body: 'other' }))
  const cli = await cliFor(t, proxy)

  for (const ref of [hash, 'by-name']) {
    const { code, stderr } = await cli.run(['get', ref])
    t.is(code, 4)
    t.regex(stderr, new RegExp(Digest.of(Buffer.from('other')).hex))
  }
  t.deepEqual(await readdir(cli.folder), [])
})
