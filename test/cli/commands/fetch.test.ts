import { writeFile } from 'node:fs/promises'
import test from 'ava'
import { bytes } from '../../helpers/bytes.ts'
import { cliFor } from '../../helpers/cli.ts'
import { hashOf, startFilled } from '../../http/filling/setup.ts'

test('fetch has the server fetch what a list names, and leaves alone what is there', async (t) => {
  const { double, server } = await startFilled(t, { ttl: 1000 })
  const contents = { 'a.txt': 'one', 'b/c.txt': 'two', 'x.log': 'three' }
  for (const [name, content] of Object.entries(contents)) double.file(name, content)
  const cli = await cliFor(t, server)
  await writeFile(cli.path('names'), 'a.txt\nb/c.txt\nx.log\n')
  const line = (name: keyof typeof contents) => `${hashOf(Buffer.from(contents[name]))}  ${name}`
  const first = await cli.ok(['fetch', '--list', 'names', '--exclude', '*.log', '-j', '1'])
  t.is(first.stdout, `${line('a.txt')}\n${line('b/c.txt')}\n`)
  t.is(double.received.length, 2)
  await server.store.get('b/c.txt')
  await writeFile(cli.path('sums'), first.stdout)
  const again = await cli.ok(['fetch', '--list', 'sums', '--json', 'x.log'])
  const results = again.stdout
    .trim()
    .split('\n')
    .map((text) => JSON.parse(text))
  t.is(results.find(({ file }) => file === 'a.txt').skipped, true)
  t.is(results.find(({ file }) => file === 'x.log').skipped, undefined)
  t.is(double.received.length, 3)
})

test('get has a file that is not there fetched, and checks it', async (t) => {
  const { double, server } = await startFilled(t)
  const content = bytes('large', 300_000)
  double.file('f', content)
  const cli = await cliFor(t, server)
  const { bytes: got } = await cli.ok(['get', 'f', '-o', '-'])
  t.deepEqual(got, content)
})

test('fetch tells what failed and goes on: 3 for what is not there, 1 for what is not right', async (t) => {
  const { double, server } = await startFilled(t)
  const cli = await cliFor(t, server)
  double.file('a', 'one')
  double.file('c', 'private', { 'Cache-Control': 'private' })
  const retries = ['--retries', '0']
  const gone = await cli.run(['fetch', 'none', 'a', ...retries])
  t.is(gone.code, 3)
  t.regex(gone.stdout, /^[0-9a-f]{64} {2}a\n$/)
  t.regex(gone.stderr, /none: There is no such file/)
  double.on('b', (_, res) => void res.writeHead(500).end())
  const failed = await cli.run(['fetch', 'b', 'a', ...retries])
  t.is(failed.code, 1)
  t.regex(failed.stdout, /^[0-9a-f]{64} {2}a\n$/)
  t.regex(failed.stderr, /b: The origin of the file does not give it/)
  const unstored = await cli.run(['fetch', 'c', ...retries])
  t.is(unstored.code, 1)
  t.regex(unstored.stderr, /c: the origin does not let it be stored|does not let it be stored/)
  await writeFile(cli.path('sums'), `${'0'.repeat(64)}  a\n`)
  const other = await cli.run(['fetch', '--list', 'sums', ...retries])
  t.is(other.code, 1)
  t.regex(other.stderr, /other content/)
})
