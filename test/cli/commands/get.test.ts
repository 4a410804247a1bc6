import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import test from 'ava'
import { Digest, memcached } from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { cliFor } from '../../helpers/cli.ts'
import { startMemcached } from '../../helpers/memcached.ts'
import { startTestServer } from '../../helpers/server.ts'

test('get writes a file by name and by hash, and prints what sha256sum prints', async (t) => {
  const server = await startTestServer(t)
  const cli = await cliFor(t, server)
  const content = bytes('get', 1_200_000)
  const { hash } = await server.store.put(content, { name: 'docs/report.pdf' })

  const byName = await cli.ok(['get', 'docs/report.pdf'])
  const byHash = await cli.ok(['get', hash, '-o', 'folder/copy'])

  t.is(byName.stdout, `${hash}  report.pdf\n`)
  t.is(byHash.stdout, `${hash}  folder/copy\n`)
  t.true((await readFile(cli.path('report.pdf'))).equals(content))
  t.true((await readFile(cli.path('folder/copy'))).equals(content))
  t.deepEqual((await readdir(cli.folder)).sort(), ['folder', 'report.pdf'])
})

test('get -o - writes the bytes alone to standard output', async (t) => {
  const server = await startTestServer(t)
  const cli = await cliFor(t, server)
  const content = bytes('stdout', 900_000)
  await server.store.put(content, { name: 'a' })
  await server.store.put('', { name: 'empty' })

  const { bytes: out, stderr } = await cli.ok(['get', 'a', '-o', '-'])
  t.true(out.equals(content))
  t.is(stderr, '')
  t.is((await cli.ok(['get', 'empty', 'a', '-o', '-'])).bytes.length, content.length)
})

test('get leaves a file that is there alone, unless it is told to overwrite', async (t) => {
  const server = await startTestServer(t)
  const cli = await cliFor(t, server)
  await server.store.put('new', { name: 'a' })
  await writeFile(cli.path('a'), 'old')
  await symlink('a', cli.path('link'))

  const refused = await cli.run(['get', 'a'])
  t.is(refused.code, 1)
  t.regex(refused.stderr, /a is there already; -f overwrites it/)
  t.is(await readFile(cli.path('a'), 'utf8'), 'old')

  await cli.ok(['get', 'a', '-f', '-o', 'link'])
  t.is(await readFile(cli.path('a'), 'utf8'), 'new')
  t.deepEqual((await readdir(cli.folder)).sort(), ['a', 'link'])
})

test('get writes to a device as it is, and never in its place', async (t) => {
  const server = await startTestServer(t)
  const cli = await cliFor(t, server)
  const { hash } = await server.store.put('content', { name: 'a' })

  t.is((await cli.ok(['get', 'a', '-f', '-o', '/dev/null'])).stdout, `${hash}  /dev/null\n`)
})

test('get --list fetches what put -r printed, folders and all', async (t) => {
  const server = await startTestServer(t)
  const cli = await cliFor(t, server)
  await mkdir(cli.path('site/sub dir'), { recursive: true })
  await writeFile(cli.path('site/index.html'), '<h1>')
  await writeFile(cli.path('site/sub dir/ä.txt'), 'ä')
  const { stdout: sums } = await cli.ok(['put', '-r', 'site'])
  // Content is pinned by its hash: another file under the name does not matter.
  await server.store.put('changed', { name: 'site/index.html' })

  await cli.ok(['get', '--list', '-', '-o', 'out'], { input: sums })

  t.is(await readFile(cli.path('out/site/index.html'), 'utf8'), '<h1>')
  t.is(await readFile(cli.path('out/site/sub dir/ä.txt'), 'utf8'), 'ä')
})

test('get never writes outside of the folder that was chosen', async (t) => {
  const server = await startTestServer(t)
  const cli = await cliFor(t, server)
  await mkdir(cli.path('out'))
  for (const name of ['../evil', '/evil', 'a/../../evil', 'a//b', '..']) {
    await server.store.put('evil', { name })
    const { code, stderr } = await cli.run(['get', '--list', '-', '-o', 'out'], {
      input: `${name}\n`,
    })
    t.is(code, 1, name)
    t.regex(stderr, /; fetch it alone, to a file that -o names\n$/)
  }
  t.deepEqual(await readdir(cli.folder), ['out'])
  t.deepEqual(await readdir(cli.path('out')), [])
  t.is((await cli.ok(['get', '..', '-o', '-'])).stdout, 'evil')
})

test('get tells missing, evicted, corrupt and unreachable apart by its exit code', async (t) => {
  const cache = await startMemcached(t)
  const server = await startTestServer(t, { engine: memcached(cache.address) })
  const cli = await cliFor(t, server)
  const content = bytes('damage', 1_400_000)
  const chunks = (await server.store.put(content, { name: 'a' })) && {
    second: `c:${Digest.of(content.subarray(server.store.chunkSize, 2 * server.store.chunkSize)).hex}`,
  }

  await cache.raw.set(chunks.second, Buffer.from('wrong'))
  const corrupt = await cli.run(['get', 'a', '--retries', '1'])
  t.is(corrupt.code, 4, corrupt.stderr)

  await cache.raw.delete(chunks.second)
  const evicted = await cli.run(['get', 'a', '--retries', '1'])
  t.is(evicted.code, 3, evicted.stderr)
  t.regex(evicted.stderr, /gone/)

  t.is((await cli.run(['get', 'never-stored'])).code, 3)
  const several = await cli.run(['get', 'a', 'never-stored', '-o', 'out/'])
  t.is(several.code, 3)

  await cache.stop()
  const down = await cli.run(['get', 'a', '--retries', '0'])
  t.is(down.code, 5, down.stderr)
  const env = { BLOBCACHED_SERVER: 'http://127.0.0.1:1' }
  t.is((await cli.run(['get', 'a', '--retries', '0'], { env })).code, 5)
  t.deepEqual(
    (await readdir(cli.folder)).filter((name) => name !== 'out'),
    [],
  )
})

test('get -r says that a cache keeps no list', async (t) => {
  const cli = await cliFor(t, { url: 'http://127.0.0.1:1' })
  const { code, stderr } = await cli.run(['get', '-r', 'site'])
  t.is(code, 2)
  t.regex(stderr, /no list.*--list/)
})

test('a name in a list that is no path in a folder fails alone, by name', async (t) => {
  const server = await startTestServer(t)
  const cli = await cliFor(t, server)
  const { hash } = await server.store.put('content', { name: 'good' })
  await mkdir(cli.path('out/folder'), { recursive: true })
  const names = ['../x', 'a//b', 'a\u202eb', 'a\u2028b', 'folder', 'n'.repeat(300), 'good']
  const input = names.map((name) => `${hash}  ${name}\n`).join('')

  const { code, stdout, stderr } = await cli.run(['get', '-l', '-', '-o', 'out'], { input })

  t.is(code, 1)
  t.is(stdout, `${hash}  out/good\n`)
  const lines = stderr.trimEnd().split('\n')
  t.is(lines.length, 6)
  t.regex(lines[2]!, /"a\\u202eb" cannot be a path/)
  t.deepEqual((await readdir(cli.path('out'))).sort(), ['folder', 'good'])
  t.deepEqual(await readdir(cli.folder), ['out'])
})

test('get refuses two files with one path before it fetches any, and takes one that is listed twice', async (t) => {
  const server = await startTestServer(t)
  const cli = await cliFor(t, server)
  for (const name of ['a/x', 'b/x']) await server.store.put(name, { name })

  const { code, stderr } = await cli.run(['get', '-f', 'a/x', 'b/x', '-o', 'out/'])

  t.is(code, 2)
  t.regex(stderr, /^blobcached: a\/x and b\/x would both be written to out\/x; /)
  t.deepEqual(await readdir(cli.folder), [])
  await cli.ok(['get', '-f', 'a/x', 'a/x', '-o', 'out/'])
  t.is(await readFile(cli.path('out/x'), 'utf8'), 'a/x')
})
