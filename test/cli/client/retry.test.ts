import { writeFile } from 'node:fs/promises'
import test from 'ava'
import { bytes } from '../../helpers/bytes.ts'
import { cliFor } from '../../helpers/cli.ts'
import { startFlakyProxy } from '../../helpers/flaky-proxy.ts'
import { freePort } from '../../helpers/ports.ts'
import { startTestServer } from '../../helpers/server.ts'

test('a 503 is tried again, not before Retry-After', async (t) => {
  const server = await startTestServer(t)
  await server.store.put('content', { name: 'a' })
  const times: number[] = []
  const proxy = await startFlakyProxy(t, server, (index) => {
    times.push(performance.now())
    return index === 0 ? { status: 503, headers: { 'Retry-After': '1' } } : undefined
  })
  const cli = await cliFor(t, proxy)

  t.is((await cli.ok(['get', 'a', '-o', '-'])).stdout, 'content')

  t.is(times.length, 2)
  t.true(times[1]! - times[0]! >= 990)
})

test('an upload is sent again, whole, after a 503', async (t) => {
  const server = await startTestServer(t)
  const proxy = await startFlakyProxy(t, server, (index) =>
    index === 1 ? { status: 503 } : undefined,
  )
  const cli = await cliFor(t, proxy)
  const content = bytes('retry', 1_000_000)
  await writeFile(cli.path('a'), content)

  await cli.ok(['put', 'a'])

  t.true((await (await server.store.get({ name: 'a' })).bytes()).equals(content))
})

test('retries end after --retries with exit code 5', async (t) => {
  const server = await startTestServer(t)
  const proxy = await startFlakyProxy(t, server, () => ({ status: 503 }))
  const cli = await cliFor(t, proxy)

  t.is((await cli.run(['rm', 'a', '--retries', '2'])).code, 5)
  t.is(proxy.requests.length, 3)
})

test('a refused connection is tried again until the server is there', async (t) => {
  const port = await freePort()
  const cli = await cliFor(t, { url: `http://127.0.0.1:${port}` })
  const { result } = cli.start(['put', '-', '-n', 'a', '--retries', '100'], { input: 'content' })
  t.is((await result).code, 5, 'standard input can be sent once only')

  const { code, stderr } = await cli.run(['stat', 'a', '--retries', '1'])
  t.is(code, 5)
  t.regex(stderr, /no answer from http:\/\/127\.0\.0\.1/)
})

test('what no other attempt will cure is not tried again', async (t) => {
  const server = await startTestServer(t)
  const proxy = await startFlakyProxy(t, server, () => ({ status: 401 }))
  const cli = await cliFor(t, proxy)

  t.is((await cli.run(['get', 'a'])).code, 1)
  t.is(proxy.requests.length, 1)
})

test('the token is sent as Bearer, from the flag or the environment', async (t) => {
  const server = await startTestServer(t)
  await server.store.put('content', { name: 'a' })
  const proxy = await startFlakyProxy(t, server, () => undefined)
  const cli = await cliFor(t, proxy)

  await cli.ok(['get', 'a', '-o', '-', '--token', 'flag'], { env: { BLOBCACHED_TOKEN: 'env' } })
  await cli.ok(['get', 'a', '-o', '-'], { env: { BLOBCACHED_TOKEN: 'env' } })
  const basic = proxy.url.replace('//', '//me:p%40ss@')
  await cli.ok(['get', 'a', '-o', '-'], { env: { BLOBCACHED_SERVER: basic } })

  const sent = proxy.requests.map(({ headers }) => headers.authorization)
  const pair = Buffer.from('me:p@ss').toString('base64')
  t.deepEqual(sent, ['Bearer flag', 'Bearer env', `Basic ${pair}`])
})

test('a server that is not there is told of once, however many files there are', async (t) => {
  const cli = await cliFor(t, { url: `http://127.0.0.1:${await freePort()}` })
  const names = Array.from({ length: 8 }, (_, i) => `file-${i}`)
  const { code, stderr } = await cli.run(['get', ...names, '--retries', '1'])
  t.is(code, 5)
  const last = stderr.split('\n').filter((line) => !line.includes('trying again'))
  t.is(last.length, 2, stderr)
  t.regex(last.join('\n'), /^blobcached: no answer from .*\n$/)
})

test('what one memcached does not answer is waited for once, not for each file', async (t) => {
  const server = await startTestServer(t)
  await server.store.put('content', { name: 'c' })
  const proxy = await startFlakyProxy(t, server, (_index, { url }) =>
    url?.startsWith('/files/c') ? undefined : { status: 503 },
  )
  const cli = await cliFor(t, proxy)

  const { code, stdout } = await cli.run(['rm', 'a', 'a2', 'a3', 'a4', 'b', 'c', '--retries', '1'])

  t.is(code, 5)
  t.is(stdout, 'c\n')
  const count = (name: string) =>
    proxy.requests.filter(({ url }) => url === `/files/${name}`).length
  t.is(count('a'), 2)
  t.is(count('b'), 1)
})
