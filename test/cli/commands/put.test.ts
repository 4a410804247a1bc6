import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import test from 'ava'
import { Digest } from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { COMMAND, cliFor } from '../../helpers/cli.ts'
import { startFlakyProxy } from '../../helpers/flaky-proxy.ts'
import { startTestServer } from '../../helpers/server.ts'

const run = promisify(execFile)

test('put stores a file under its name and prints what sha256sum prints', async (t) => {
  const server = await startTestServer(t)
  const cli = await cliFor(t, server)
  const content = bytes('put', 1_500_000)
  await writeFile(cli.path('report.pdf'), content)

  const { stdout, stderr } = await cli.ok(['put', 'report.pdf'])

  t.is(stdout, `${Digest.of(content).hex}  report.pdf\n`)
  t.is(stderr, '')
  const file = await server.store.get({ name: 'report.pdf' })
  t.is(file.type, 'application/pdf')
  t.true((await file.bytes()).equals(content))
})

test('put -r stores many small files at once, and says nothing else', async (t) => {
  const server = await startTestServer(t)
  const cli = await cliFor(t, server)
  const files = Array.from({ length: 40 }, (_, i) => ({
    name: `f${i}`,
    content: bytes(`${i}`, i * 500),
  }))
  await mkdir(cli.path('site'))
  for (const { name, content } of files) await writeFile(cli.path(`site/${name}`), content)

  const { stdout, stderr } = await cli.ok(['put', '-r', 'site', '--jobs', '20', '-q'])

  t.is(stderr, '', 'no warning of too many listeners, for one')
  t.is(stdout.trim().split('\n').length, files.length)
  for (const { name, content } of files) {
    t.true((await (await server.store.get(`site/${name}`)).bytes()).equals(content), name)
  }
})

test('put --name, --type, --ttl and --json', async (t) => {
  const server = await startTestServer(t)
  const cli = await cliFor(t, server)
  await writeFile(cli.path('a'), 'content')

  const { stdout } = await cli.ok([
    ...['put', 'a', '--name', 'x/ÿ ..#?%.txt', '--type', 'text/x-own', '--ttl', '2h', '--json'],
  ])

  t.like(JSON.parse(stdout), { path: 'a', name: 'x/ÿ ..#?%.txt', size: 7, sent: true })
  const file = await server.store.get({ name: 'x/ÿ ..#?%.txt' })
  t.is(file.type, 'text/x-own')
  t.is(file.ttl, 7200)
})

test('put --json has a name as it was stored', async (t) => {
  const server = await startTestServer(t)
  const cli = await cliFor(t, server)
  const name = 'a\u202eb\u2028c'

  const put = await cli.ok(['put', '-', '-n', name, '--json'])
  const linked = await cli.ok(['link', name, `${name}2`, '--json'])

  t.like(JSON.parse(put.stdout), { name })
  t.like(JSON.parse(linked.stdout), { name: `${name}2` })
  t.notRegex(put.stdout + linked.stdout, /[\u2028\u202e]/)
})

test('put reads standard input, by name and by hash alone', async (t) => {
  const server = await startTestServer(t)
  const cli = await cliFor(t, server)
  const content = bytes('stdin', 2_000_000)
  const { hex } = Digest.of(content)

  const named = await cli.ok(['put', '-', '-n', 'in.json'], { input: content })
  const unnamed = await cli.ok(['put', '-'], { input: 'other' })

  t.is(named.stdout, `${hex}  in.json\n`)
  t.is((await server.store.get({ name: 'in.json' })).type, 'application/json')
  t.is(unnamed.stdout, `${Digest.of(Buffer.from('other')).hex}  -\n`)
  t.true((await (await server.store.get(hex)).bytes()).equals(content))
})

test('put -r stores a folder under relative names and says what it skips', async (t) => {
  const server = await startTestServer(t)
  const cli = await cliFor(t, server)
  await mkdir(cli.path('site/css'), { recursive: true })
  await writeFile(cli.path('site/index.html'), '<h1>')
  await writeFile(cli.path('site/css/a.css'), 'a {}')
  await writeFile(cli.path('site/empty'), '')
  await symlink('index.html', cli.path('site/link.html'))
  await symlink('..', cli.path('site/css/loop'))

  const plain = await cli.ok(['put', '-r', 'site', '--prefix', 'web/'])
  const namesOf = (stdout: string) =>
    stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.slice(66))
      .sort()
  t.deepEqual(namesOf(plain.stdout), [
    'web/site/css/a.css',
    'web/site/empty',
    'web/site/index.html',
  ])
  t.regex(plain.stderr, /skipped site\/link.html: a symbolic link/)
  t.is((await server.store.get({ name: 'web/site/css/a.css' })).type, 'text/css')

  const followed = await cli.ok(['put', '-r', '--follow', '.'])
  t.deepEqual(namesOf(followed.stdout), [
    ...['site/css/a.css', 'site/empty', 'site/index.html', 'site/link.html'],
  ])
  t.regex(followed.stderr, /skipped site\/css\/loop: leads back/)
})

test('put sends nothing that the server has whole, and still makes the name', async (t) => {
  const server = await startTestServer(t)
  const cli = await cliFor(t, server)
  const content = bytes('known', 700_000)
  await writeFile(cli.path('a'), content)
  const { hash } = await server.store.put(content)
  let announced = 0
  server.http.on('request', (req) => (announced += Number(req.headers['content-length'] ?? 0)))

  t.like(JSON.parse((await cli.ok(['put', 'a', '--json'])).stdout), { sent: false, hash })
  t.is(announced, 0)
  t.true((await (await server.store.get({ name: 'a' })).bytes()).equals(content))

  t.like(JSON.parse((await cli.ok(['put', 'a', '--json', '--force'])).stdout), { sent: true, hash })
  t.is(announced, content.length)
})

test('put sends a file again of which a chunk is gone', async (t) => {
  const server = await startTestServer(t)
  const cli = await cliFor(t, server)
  const content = bytes('evicted', 700_000)
  await writeFile(cli.path('a'), content)
  await server.store.put(content, { name: 'a' })
  await server.engine.delete(`c:${Digest.of(content.subarray(0, server.store.chunkSize)).hex}`)

  t.like(JSON.parse((await cli.ok(['put', 'a', '--json'])).stdout), { sent: true })
  t.true((await (await server.store.get({ name: 'a' })).bytes()).equals(content))
})

test('put refuses what makes no sense before it sends anything', async (t) => {
  const server = await startTestServer(t)
  const cli = await cliFor(t, server)
  await mkdir(cli.path('d'))
  await writeFile(cli.path('d/same'), '1')
  await writeFile(cli.path('same'), '2')
  let requests = 0
  server.http.on('request', () => requests++)
  const refused: [string[], RegExp][] = [
    [['put', 'd'], /d is a folder; put -r/],
    [['put', 'same', 'd/same'], /would both be called "same"/],
    [['put', '-r', 'd', '--name', 'x'], /--name is for one file/],
    [['put', 'same', '--name', ''], /a name must not be empty/],
    [['put', '-', '-'], /once/],
    [['put', '-', '/dev/stdin'], /once/],
    [['put'], /missing required argument/],
    [['put', 'same', '--ttl', 'soon'], /takes a time/],
    [['put', 'same', '--type', 'text/x\nX-Own: 1'], /takes a media type/],
    [['put', 'same', '--server', 'ftp://x'], /takes a URL/],
    [['put', 'same', '--forse'], /Did you mean --force/],
  ]
  const results = await Promise.all(refused.map(([args]) => cli.run(args)))
  for (const [index, { code, stderr }] of results.entries()) {
    t.is(code, 2, stderr)
    t.regex(stderr, refused[index]![1])
  }
  t.is(requests, 0)
  t.is((await readdir(cli.folder)).length, 2)
})

test('put tells of each file that fails and goes on with the others', async (t) => {
  const server = await startTestServer(t, { store: { maxFileSize: 10 } })
  const cli = await cliFor(t, server)
  await writeFile(cli.path('large'), 'more than ten bytes')
  await writeFile(cli.path('small'), 'few')

  const { code, stdout, stderr } = await cli.run(['put', 'large', 'small'])

  t.is(code, 1)
  t.regex(stderr, /10 bytes are allowed/)
  t.regex(stdout, / {2}small\n$/)
  t.is((await cli.run(['put', 'not-there'])).code, 1)
})

test('put --no-name stores by hash alone, and sends nothing that is there', async (t) => {
  const server = await startTestServer(t)
  const cli = await cliFor(t, server)
  await writeFile(cli.path('a'), 'content')
  const put = async (...more: string[]) =>
    JSON.parse((await cli.ok(['put', 'a', '--no-name', '--json', ...more])).stdout)

  const first = await put()
  t.like(first, { sent: true, size: 7, chunks: 1, url: `/blobs/${first.hash}` })
  t.is(first.name, undefined)
  t.like(await put(), { sent: false, size: 7, chunks: 1 })
  t.true((await put('--ttl', '1h')).sent, 'only an upload gives content another life')
})

test('put tells bytes that change on the way from a file that changes', async (t) => {
  const server = await startTestServer(t)
  server.http.prependListener('request', (req) => {
    if ('repr-digest' in req.headers) {
      req.headers['repr-digest'] = `sha-256=:${Digest.empty.base64}:`
    }
  })
  const cli = await cliFor(t, server)
  await writeFile(cli.path('a'), 'content')

  const { code, stdout, stderr } = await cli.run(['put', 'a', '--json'])

  t.is(code, 1)
  t.like(JSON.parse(stdout), { file: 'a', error: 'digest-mismatch' })
  t.notRegex(stderr, /changed/)
})

test('put --no-name sends what is gone by the time that it is looked at', async (t) => {
  const server = await startTestServer(t)
  const { hash } = await server.store.put('content')
  const proxy = await startFlakyProxy(t, server, (_index, { url }) => {
    if (!url?.endsWith('/manifest')) return undefined
    return { status: 404, body: JSON.stringify({ reason: 'not-found' }) }
  })
  const cli = await cliFor(t, proxy)
  await writeFile(cli.path('a'), 'content')

  const { stdout } = await cli.ok(['put', 'a', '--no-name', '--json'])

  t.like(JSON.parse(stdout), { sent: true, hash })
})

test('put notices a file that changes between its digest and its bytes', async (t) => {
  const server = await startTestServer(t)
  const content = bytes('before', 500_000)
  const cases = { same: 500_000, shorter: 400_000, longer: 600_000 }
  for (const [how, size] of Object.entries(cases)) {
    const proxy = await startFlakyProxy(t, server, (index) => {
      // The first request asks for the digest; the second one carries the bytes.
      if (index === 0) writeFileSync(cli.path('a'), bytes('after', size))
      return undefined
    })
    const cli = await cliFor(t, proxy)
    await writeFile(cli.path('a'), content)

    const { code, stderr } = await cli.run(['put', 'a'])

    t.is(code, 1, how)
    t.is(stderr, 'blobcached: a changed while it was read\n', how)
    t.false(await server.store.isReadable({ name: 'a' }), how)
  }
})

test('put leaves out the file that it prints its list to', async (t) => {
  const server = await startTestServer(t)
  const cli = await cliFor(t, server)
  await mkdir(cli.path('site'))
  await writeFile(cli.path('site/a'), 'content')

  const { code, stderr } = await cli.run(['put', '-r', 'site'], { output: cli.path('site/SUMS') })
  const named = await cli.run(['put', 'SUMS'], { output: cli.path('SUMS') })

  t.is(code, 0)
  t.is(stderr, 'blobcached: skipped site/SUMS: standard output goes there\n')
  t.regex(await readFile(cli.path('site/SUMS'), 'utf8'), /^\S+ {2}site\/a\n$/)
  t.is(named.code, 1)
  t.is(named.stderr, 'blobcached: SUMS is where standard output goes\n')
})

test('put of standard input ends with the bytes that came', async (t) => {
  const server = await startTestServer(t)
  const cli = await cliFor(t, server)
  // Remarks are for terminals: script(1) makes one.
  const put = [process.execPath, ...COMMAND, 'put', '-', '--server', server.url].join(' ')
  const { stdout } = await run('script', ['-qec', `printf content | ${put}`, '/dev/null'], {
    cwd: cli.folder,
  })
  t.regex(stdout, /7 B: 1 sent, 0 already there/)
})
