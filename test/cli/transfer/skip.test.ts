import { writeFileSync } from 'node:fs'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import test from 'ava'
import { bytes } from '../../helpers/bytes.ts'
import { cliFor } from '../../helpers/cli.ts'
import { startFlakyProxy } from '../../helpers/flaky-proxy.ts'
import { startTestServer } from '../../helpers/server.ts'

test('a list can be fetched again: what is right is skipped, what is wrong is not', async (t) => {
  const server = await startTestServer(t)
  const cli = await cliFor(t, server)
  await mkdir(cli.path('site'))
  for (const name of ['a', 'b', 'c']) await writeFile(cli.path('site', name), `content of ${name}`)
  await writeFile(cli.path('SUMS'), (await cli.ok(['put', '-r', 'site'])).stdout)
  const get = (...more: string[]) =>
    cli.run(['get', '--list', 'SUMS', '-o', 'out', '--json', ...more])

  t.is((await get()).code, 0)
  const before = await stat(cli.path('out/site/a'))
  let requests = 0
  server.http.on('request', () => requests++)
  const again = await get()
  t.is(again.code, 0, again.stderr)
  const lines = again.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  t.deepEqual(
    lines.map(({ skipped, size }) => [skipped, size]),
    Array(3).fill([true, 12]),
  )
  t.is(requests, 0)
  t.is((await stat(cli.path('out/site/a'))).mtimeMs, before.mtimeMs)

  await writeFile(cli.path('out/site/b'), 'other')
  const wrong = await get()
  t.is(wrong.code, 1)
  t.regex(wrong.stderr, /^blobcached: out\/site\/b is there already; -f overwrites it$/m)
  t.is((await get('-f')).code, 0)
  t.is(await readFile(cli.path('out/site/b'), 'utf8'), 'content of b')
})

test('get skips by name what has the hash that the name leads to', async (t) => {
  const server = await startTestServer(t)
  const cli = await cliFor(t, server)
  await server.store.put('content', { name: 'a' })
  const first = await cli.ok(['get', 'a'])
  t.is((await cli.ok(['get', 'a'])).stdout, first.stdout)
  await server.store.put('replaced', { name: 'a' })
  t.is((await cli.run(['get', 'a'])).code, 1)
})

test('get -c of a complete part ends well behind a cache that answers 416 itself', async (t) => {
  const server = await startTestServer(t)
  const content = bytes('complete part', 900_000)
  const { hash } = await server.store.put(content, { name: 'a' })
  const proxy = await startFlakyProxy(t, server, (_index, { headers }) =>
    headers.range === undefined ? undefined : { status: 416, body: '<html>416</html>' },
  )
  const cli = await cliFor(t, proxy)
  await writeFile(cli.path(`.blobcached-${hash}.part`), content)

  await cli.ok(['get', '-c', 'a'])

  t.true((await readFile(cli.path('a'))).equals(content))
  t.deepEqual(await readdir(cli.folder), ['a'])
})

test('of two get at a time into one folder both succeed, and a file with other content fails one', async (t) => {
  const server = await startTestServer(t)
  await server.store.put('content', { name: 'a' })
  const appear: Record<string, string> = { same: 'content', other: 'something else' }
  for (const [folder, content] of Object.entries(appear)) {
    const cli = await cliFor(t, server)
    await mkdir(cli.path(folder))
    // The file was not there when the command looked, and is before the bytes have come.
    server.http.once('request', () => writeFileSync(cli.path(folder, 'a'), content))
    const { code, stdout, stderr } = await cli.run(['get', 'a', '-o', `${folder}/`, '--json'])
    const isSame = folder === 'same'
    t.is(code, isSame ? 0 : 1, stderr)
    t.like(JSON.parse(stdout), isSame ? { skipped: true, size: 7 } : { error: 'failed' })
    t.deepEqual(await readdir(cli.path(folder)), ['a'])
    t.is(await readFile(cli.path(folder, 'a'), 'utf8'), content)
  }
})

test('a part that an interrupted download left is gone once the file is there', async (t) => {
  const server = await startTestServer(t)
  const { hash } = await server.store.put('content', { name: 'a' })
  const cli = await cliFor(t, server)
  const leave = () => writeFile(cli.path(`.blobcached-${hash}.part`), 'cont')
  await leave()
  await cli.ok(['get', 'a'])
  t.deepEqual(await readdir(cli.folder), ['a'])
  await leave()
  await cli.ok(['get', 'a'])
  t.deepEqual(await readdir(cli.folder), ['a'])
})
