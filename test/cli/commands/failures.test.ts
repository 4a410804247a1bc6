import { mkdir, symlink, writeFile } from 'node:fs/promises'
import test from 'ava'
import { cliFor } from '../../helpers/cli.ts'
import { startTestServer } from '../../helpers/server.ts'

test('one bad entry does not stop a folder: it is named, the rest is stored', async (t) => {
  const server = await startTestServer(t)
  const cli = await cliFor(t, server)
  await mkdir(cli.path('site/sub'), { recursive: true })
  await writeFile(cli.path('site/sub/good'), 'good')
  await writeFile(cli.path('site/z'), 'z')
  await symlink('nowhere', cli.path('site/dangling'))
  await symlink('loop', cli.path('site/loop'))
  await writeFile(cli.path('site/new\nline'), 'a name that the server refuses')
  await writeFile(cli.path('site/a\u202eb'), 'a name that get does not write')
  const latin1 = Buffer.concat([Buffer.from(`${cli.path('site')}/caf`), Buffer.from([0xe9])])
  await writeFile(latin1, 'a name that is not UTF-8')

  const { code, stdout, stderr } = await cli.run(['put', '-rL', 'site', 'not-there'])

  t.is(code, 1)
  t.regex(stdout, / {2}site\/sub\/good$/m)
  t.regex(stdout, / {2}site\/z$/m)
  t.is(stdout.trim().split('\n').length, 2)
  t.regex(stderr, /^blobcached: site\/dangling: no such file or directory$/m)
  t.regex(stderr, /^blobcached: site\/loop: too many symbolic links encountered$/m)
  t.regex(stderr, /^blobcached: site\/caf\ufffd has a name that is not UTF-8$/m)
  t.regex(stderr, /^blobcached: site\/new\\x0aline has a name with control characters$/m)
  t.regex(stderr, /^blobcached: site\/a\\u202eb has a name with control characters$/m)
  t.regex(stderr, /^blobcached: not-there: no such file or directory$/m)
})

test('each failure names its file, and is an object with --json', async (t) => {
  const server = await startTestServer(t, { store: { maxFileSize: 10 } })
  const cli = await cliFor(t, server)
  await server.store.put('content', { name: 'b' })
  await writeFile(cli.path('large'), 'more than ten bytes')

  const got = await cli.run(['get', 'a', 'b', 'c', '--json', '-j', '1'])
  t.is(got.code, 3)
  t.is(got.stderr, 'blobcached: there is no file "a"\nblobcached: there is no file "c"\n')
  const lines = got.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  t.deepEqual(
    lines.map(({ name, file, error, message }) => ({ file: name ?? file, error, message })),
    [
      { file: 'a', error: 'not-found', message: 'there is no file "a"' },
      { file: 'b', error: undefined, message: undefined },
      { file: 'c', error: 'not-found', message: 'there is no file "c"' },
    ],
  )
  const put = await cli.run(['put', 'large', '--json'])
  t.like(JSON.parse(put.stdout), { file: 'large', error: 'too-large' })
  t.regex(put.stderr, /^blobcached: large: /)
  const down = await cli.run(['rm', 'x', '--json', '--retries', '0', '--server', '127.0.0.1:1'])
  t.like(JSON.parse(down.stdout), { file: 'x', error: 'unavailable' })
  const elsewhere = await cli.run(['get', 'none', '--json', '-o', 'here'])
  t.like(JSON.parse(elsewhere.stdout), { file: 'none', error: 'not-found' })
})

test('commands about one thing print an object with --json when they fail', async (t) => {
  const server = await startTestServer(t)
  const cli = await cliFor(t, server)
  await writeFile(cli.path('a'), 'content')
  const away = ['--retries', '0', '--server', '127.0.0.1:1']
  const cases: [string[], string][] = [
    [['link', 'none', 'x'], 'not-found'],
    [['link', 'none', 'x', ...away], 'unavailable'],
    [['missing', 'f'.repeat(64), ...away], 'unavailable'],
    [['fleet', ...away], 'unavailable'],
    [['fleet', '--token-file', 'none'], 'ENOENT'],
    [['get', '--list', 'none'], 'ENOENT'],
    [['verify', '--list', '.'], 'EISDIR'],
    [['put', 'a', '-n', 'n'.repeat(1025)], 'bad-request'],
  ]
  for (const [args, error] of cases) {
    const { stdout } = await cli.run([...args, '--json'])
    t.like(JSON.parse(stdout), { error }, args.join(' '))
  }
})

test('wrong usage is told on standard error alone', async (t) => {
  const cli = await cliFor(t, await startTestServer(t))
  await writeFile(cli.path('token'), 'two words')
  const cases: [string[], RegExp][] = [
    [['fleet', '--token-file', 'token'], /is not a token/],
    [['get', 'q/a', '-o', ''], /-o takes a path/],
    [['stat', '--list', ''], /--list takes a path/],
  ]
  for (const [args, message] of cases) {
    const { code, stdout, stderr } = await cli.run([...args, '--json'])
    t.is(code, 2, stderr)
    t.is(stdout, '')
    t.regex(stderr, message)
  }
})

test('an environment variable that is empty is as good as not set', async (t) => {
  const server = await startTestServer(t, { access: { tokens: ['secret'] } })
  await server.store.put('content', { name: 'a' })
  const cli = await cliFor(t, server)
  await writeFile(cli.path('token'), 'secret')
  const env = { BLOBCACHED_TOKEN: '', BLOBCACHED_CACERT: '' }
  const none = await cli.run(['link', 'a', 'b'], { env })
  t.regex(none.stderr, /give one with --token-file/)
  const wrong = await cli.run(['link', 'a', 'b', '--token', 'wrong'], { env })
  t.regex(wrong.stderr, /; the token that was sent is not one of its tokens\n$/)
  t.notRegex(wrong.stderr, /answered with status/)
  await cli.ok(['link', 'a', 'b', '--token-file', 'token'], { env })
})

test('a name that begins with a dash is explained', async (t) => {
  const cli = await cliFor(t, { url: 'http://127.0.0.1:1' })
  await writeFile(cli.path('-dash'), '')
  await writeFile(cli.path('-notes'), '')
  for (const file of ['-dash', '-notes']) {
    const { code, stderr } = await cli.run(['put', file])
    t.is(code, 2)
    t.true(stderr.includes(`the file ${file} is ./${file} here`), stderr)
  }
  const { code, stderr } = await cli.run(['stat', '-dash'])
  t.is(code, 2)
  t.regex(stderr, /begins with a dash comes after --/)
})
