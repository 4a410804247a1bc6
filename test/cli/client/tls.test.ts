import { readFile, writeFile } from 'node:fs/promises'
import test from 'ava'
import { createCertificate } from '../../helpers/certificate.ts'
import { cliFor } from '../../helpers/cli.ts'
import { hasFakeClock } from '../../helpers/memcached.ts'
import { startTestServer } from '../../helpers/server.ts'

test('a private authority is refused with the remedy, trusted with --cacert, or unchecked', async (t) => {
  const certificate = await createCertificate(t, 'localhost')
  const server = await startTestServer(t, { tls: certificate })
  await server.store.put('content', { name: 'a' })
  const cli = await cliFor(t, server)

  const refused = await cli.run(['get', 'a', 'b', '-o', 'out/'])
  t.is(refused.code, 5)
  t.regex(refused.stderr, /^blobcached: https:\S+ cannot be trusted: .*--cacert.*--insecure/)
  t.is(refused.stderr.trim().split('\n').length, 1)

  await cli.ok(['get', 'a', '--cacert', certificate.certFile])
  t.is(await readFile(cli.path('a'), 'utf8'), 'content')
  await writeFile(cli.path('b'), 'b')
  await cli.ok(['put', 'b'], { env: { BLOBCACHED_CACERT: certificate.certFile } })
  await cli.ok(['rm', 'b', '--insecure'])

  const nothing = await cli.run(['rm', 'b', '--cacert', 'b'])
  t.is(nothing.code, 2)
  t.regex(nothing.stderr, /b holds no certificate/)
})

const whereFaked = hasFakeClock ? test : test.skip
whereFaked(
  'a certificate that has expired is said to have, for all that it is trusted',
  async (t) => {
    const certificate = await createCertificate(t, 'localhost', 10)
    const cli = await cliFor(t, await startTestServer(t, { tls: certificate }))
    const { code, stderr } = await cli.run(['stat', 'a', '--cacert', certificate.certFile])
    t.is(code, 5)
    t.regex(stderr, /^blobcached: https:\S+ cannot be trusted: its certificate has expired/)
  },
)

test('TLS to a plain server and plain HTTP to a TLS server are told of in words', async (t) => {
  const plain = await startTestServer(t)
  const secure = await startTestServer(t, { tls: await createCertificate(t, 'localhost') })
  const cli = await cliFor(t, plain)
  const to = (url: string) => cli.run(['stat', 'a', '--retries', '0', '--server', url])

  const tls = await to(plain.url.replace('http:', 'https:'))
  t.is(tls.code, 5)
  t.is(
    tls.stderr,
    `blobcached: ${plain.url.replace('http:', 'https:')} speaks no TLS that is understood here; is it ${plain.url}?\n`,
  )
  const http = await to(secure.url.replace('https:', 'http:'))
  t.is(http.code, 5)
  t.regex(http.stderr, /does it speak https\?\)?\n$/)
})

test('a token is asked for by name, read from a file, and not shown by ps', async (t) => {
  const server = await startTestServer(t, { access: { tokens: ['right'] } })
  await server.store.put('content', { name: 'a' })
  const cli = await cliFor(t, server)
  await writeFile(cli.path('token'), 'right\n')
  await writeFile(cli.path('wrong'), 'wrong\n')
  await writeFile(cli.path('empty'), '\n')

  const none = await cli.run(['stat', 'a'])
  t.is(none.code, 1)
  t.regex(none.stderr, /--token-file, --token or BLOBCACHED_TOKEN\n$/)
  t.regex((await cli.run(['stat', 'a', '--token', 'x'])).stderr, /not one of its tokens\n$/)
  t.is((await cli.run(['stat', 'a', '--token-file', 'empty'])).code, 2)
  await cli.ok(['stat', 'a', '--token-file', 'token'], { env: { BLOBCACHED_TOKEN: 'other' } })
  await cli.ok(['stat', 'a'], { env: { BLOBCACHED_TOKEN_FILE: 'token' } })

  const { child, result } = cli.start(['put', '-', '-n', 'b', '--token', 'right'])
  child.stdin.write('b')
  await new Promise<void>((resolve) => server.http.once('request', () => resolve()))
  t.notRegex(await readFile(`/proc/${child.pid}/cmdline`, 'utf8'), /right/)
  child.stdin.end('b')
  t.is((await result).code, 0)
})
