import { readFile, writeFile } from 'node:fs/promises'
import test from 'ava'
import { bytes } from '../../helpers/bytes.ts'
import { cliFor } from '../../helpers/cli.ts'
import { listen, startTestServer } from '../../helpers/server.ts'

test('redirects are followed within the host, with token and body', async (t) => {
  const server = await startTestServer(t, { access: { tokens: ['secret'] } })
  const url = await listen(t, (req, res) => {
    req.resume()
    res.writeHead(308, { location: server.url + req.url }).end()
  })
  const cli = await cliFor(t, { url })
  const content = bytes('redirect', 800_000)
  await writeFile(cli.path('a'), content)
  const env = { BLOBCACHED_TOKEN: 'secret' }

  await cli.ok(['put', 'a', '-n', 'x/../a'], { env })
  await cli.ok(['get', 'x/../a', '-o', 'b'], { env })
  t.true((await readFile(cli.path('b'))).equals(content))

  const once = await cli.run(['put', '-', '-n', 'c'], { env, input: 'c' })
  t.is(once.code, 1)
  t.regex(once.stderr, /redirects to http:.*--server/)
})

test('a redirect to another host is named, and gets no token', async (t) => {
  const headers: unknown[] = []
  const other = await listen(t, (req, res) => {
    headers.push(req.headers)
    res.end('stolen')
  })
  const location = other.replace('127.0.0.1', 'localhost')
  const url = await listen(t, (_req, res) => void res.writeHead(302, { location }).end())
  const loop = await listen(t, (req, res) => void res.writeHead(302, { location: req.url! }).end())
  const cli = await cliFor(t, { url })

  const { code, stderr } = await cli.run(['get', 'a', '--token', 'secret'])
  t.is(code, 1)
  t.true(stderr.includes(`redirects to ${location}; name that with --server`), stderr)
  t.deepEqual(headers, [])
  t.is((await cli.run(['get', 'a', '--server', loop])).code, 1)
})
