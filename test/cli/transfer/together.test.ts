import { rmSync, writeFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import test, { type ExecutionContext } from 'ava'
import { Digest, memory } from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { type Cli, cliFor } from '../../helpers/cli.ts'
import { FaultyEngine, hold } from '../../helpers/faulty-engine.ts'
import { startFlakyProxy } from '../../helpers/flaky-proxy.ts'
import { startTestServer } from '../../helpers/server.ts'
import { until } from '../../helpers/watchdog.ts'

/** Makes `site` with small files, and returns their contents by their names on the server. */
async function makeSite(cli: Cli, names: readonly string[]): Promise<Map<string, Buffer>> {
  await mkdir(cli.path('site'))
  const contents = new Map(names.map((name, i) => [`site/${name}`, bytes(name, (i % 12) * 100)]))
  for (const [name, content] of contents) await writeFile(cli.path(name), content)
  return contents
}

async function assertStored(
  t: ExecutionContext,
  { store }: Awaited<ReturnType<typeof startTestServer>>,
  contents: ReadonlyMap<string, Buffer>,
): Promise<void> {
  for (const [name, content] of contents) {
    t.true((await (await store.get({ name })).bytes()).equals(content), name)
  }
}

const numbered = (count: number) => Array.from({ length: count }, (_, i) => `f${i}`)
const isForm = ({ headers }: IncomingMessage) => headers['content-type']?.startsWith('multipart/')

test('small files go together, whatever they are called, each with its type and its life', async (t) => {
  const server = await startTestServer(t)
  const cli = await cliFor(t, server)
  const odd = [
    `'()*!"%22.html`,
    'C:\\temp\\a.css',
    'back\\slash',
    'ÿ €😀',
    '%2E',
    'a;b=c,d ',
    '..a',
  ]
  const contents = await makeSite(cli, [...odd, ...numbered(50)])
  let requests = 0
  server.http.on('request', () => requests++)

  const flags = ['--ttl', '2h', '--force', '--json', '--jobs', '1']
  const { stdout } = await cli.ok(['put', '-r', 'site', ...flags])

  t.is(requests, 1)
  const lines = stdout.trim().split('\n')
  const hashes = [...contents].map(([name, content]) => [name, Digest.of(content).hex])
  t.deepEqual(
    Object.fromEntries(lines.map((line) => JSON.parse(line)).map(({ name, hash }) => [name, hash])),
    Object.fromEntries(hashes),
  )
  await assertStored(t, server, contents)
  const file = await server.store.get({ name: `site/'()*!"%22.html` })
  t.deepEqual([file.type, file.ttl], ['text/html', 7200])
})

test('what a form cannot say goes alone: a path of Windows as a name, nothing without a name', async (t) => {
  const server = await startTestServer(t)
  const cli = await cliFor(t, server)
  const contents = await makeSite(cli, ['a', 'b', 'c'])
  await cli.ok(['put', '-r', 'site', '--prefix', 'C:\\', '--type', 'text/x-own'])
  const { stdout } = await cli.ok(['put', '-r', 'site', '--no-name', '--ttl', '1h'])

  for (const [name, content] of contents) {
    const file = await server.store.get({ name: `C:\\${name}` })
    t.is(file.type, 'text/x-own')
    const { hex } = Digest.of(content)
    t.true((await (await server.store.get(hex)).bytes()).equals(content))
    t.true(stdout.includes(hex))
  }
})

test('a folder that the server knows is put with as many requests at a time as asked', async (t) => {
  const engine = new FaultyEngine(memory())
  const server = await startTestServer(t, { engine })
  const cli = await cliFor(t, server)
  await makeSite(cli, numbered(40))
  await cli.ok(['put', '-r', 'site'])
  let underWay = 0
  server.http.on('request', ({ method }, res) => {
    if (method !== 'PUT') return
    underWay++
    res.on('close', () => underWay--)
  })
  const { gate } = hold(engine, { operation: 'add' })
  const putting = cli.ok(['put', '-r', 'site', '--jobs', '4'])
  await until('four requests at a time', () => underWay === 4)
  gate.resolve()
  await putting
})

test('of many small files only those are sent that the server lacks', async (t) => {
  const server = await startTestServer(t)
  const cli = await cliFor(t, server)
  const contents = await makeSite(cli, numbered(20))
  const known = [...contents.values()].slice(0, 15)
  for (const content of known) await server.store.put(content)
  let announced = 0
  server.http.on('request', (req) => {
    if (isForm(req)) announced += Number(req.headers['content-length'])
  })

  const { stdout } = await cli.ok(['put', '-r', 'site', '--json'])

  const sent = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
    .filter(({ sent }) => sent)
  t.deepEqual(
    sent.map(({ name }) => name).sort(),
    ['f15', 'f16', 'f17', 'f18', 'f19'].map((name) => `site/${name}`),
  )
  const bytesSent = sent.reduce((sum, { size }) => sum + size, 0)
  t.true(announced >= bytesSent && announced < bytesSent + 5 * 400)
  await assertStored(t, server, contents)
})

test('a form that is refused for one file stores the others all the same', async (t) => {
  const server = await startTestServer(t, { store: { maxFileSize: 1000 } })
  const cli = await cliFor(t, server)
  const contents = await makeSite(cli, numbered(12))

  const { code, stdout, stderr } = await cli.run(['put', '-r', 'site'])

  t.is(code, 1)
  t.regex(stderr, /^blobcached: site\/f11: .*1000 bytes are allowed.*\n$/)
  t.is(stdout.trim().split('\n').length, 11)
  contents.delete('site/f11')
  await assertStored(t, server, contents)
})

test('a form is sent again, whole, after a 503 and after a cut connection', async (t) => {
  const server = await startTestServer(t)
  let forms = 0
  const proxy = await startFlakyProxy(t, server, (_index, req) => {
    if (!isForm(req)) return undefined
    return [{ status: 503, headers: { 'Retry-After': '1' } }, { cutAfter: 0 }][forms++]
  })
  const cli = await cliFor(t, proxy)
  const contents = await makeSite(cli, numbered(12))

  t.is((await cli.ok(['put', '-r', 'site', '--jobs', '1'])).stdout.trim().split('\n').length, 12)

  t.is(forms, 3)
  await assertStored(t, server, contents)
})

test('a form whose bytes change on the way is not stored; its files are sent one by one', async (t) => {
  const server = await startTestServer(t)
  let alone = 0
  server.http.prependListener('request', (req) => {
    if (req.method === 'PUT') alone++
    if (isForm(req)) req.headers['content-digest'] = `sha-256=:${Digest.empty.base64}:`
  })
  const cli = await cliFor(t, server)
  const contents = await makeSite(cli, numbered(12))
  await cli.ok(['put', '-r', 'site', '--force'])
  t.is(alone, 12)
  await assertStored(t, server, contents)
})

test('a file that changes after it was listed is stored as it is now; one that is gone is named', async (t) => {
  const server = await startTestServer(t)
  const proxy = await startFlakyProxy(t, server, (index) => {
    // The first form is under way, and the second one is not read yet.
    if (index === 0) change()
    return undefined
  })
  const cli = await cliFor(t, proxy)
  const contents = await makeSite(cli, numbered(70))
  const late = [...contents.keys()].sort().slice(64)
  const [gone, longer, shorter] = late as [string, string, string]
  const change = () => {
    rmSync(cli.path(gone))
    writeFileSync(cli.path(longer), bytes('longer', 9000))
    writeFileSync(cli.path(shorter), '')
  }

  const { code, stderr } = await cli.run(['put', '-r', 'site', '-j', '1', '--force'])

  t.is(code, 1)
  t.is(stderr, `blobcached: ${gone}: no such file or directory\n`)
  contents.delete(gone)
  contents.set(longer, bytes('longer', 9000)).set(shorter, Buffer.alloc(0))
  await assertStored(t, server, contents)
})

test('a server that goes away between two forms is told of once, with exit code 5', async (t) => {
  const server = await startTestServer(t)
  const proxy = await startFlakyProxy(t, server, (index) =>
    index < 2 ? undefined : { cutAfter: 0 },
  )
  const cli = await cliFor(t, proxy)
  await makeSite(cli, numbered(200))

  const { code, stdout, stderr } = await cli.run([
    'put',
    '-r',
    'site',
    '-j',
    '2',
    '--force',
    '--retries',
    '1',
  ])

  t.is(code, 5)
  t.is(stdout.trim().split('\n').length, 128)
  t.regex(stderr, /^blobcached: no answer from .*\n$/)
})

test('nothing more is asked for once it is known that all would fail', async (t) => {
  const body = JSON.stringify({ reason: 'insufficient-storage' })
  const server = await startTestServer(t)
  const proxy = await startFlakyProxy(t, server, (_index, { method }) =>
    method === 'PUT' ? { status: 507, body } : undefined,
  )
  const cli = await cliFor(t, proxy)
  const contents = await makeSite(cli, numbered(200))
  for (const content of contents.values()) await server.store.put(content)

  const { code, stdout } = await cli.run(['put', '-r', 'site', '-j', '3', '--retries', '0'])

  t.is(code, 1)
  t.is(stdout, '')
  t.true(proxy.requests.filter(({ method }) => method === 'PUT').length <= 3)
})
