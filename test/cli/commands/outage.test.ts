import { mkdir, writeFile } from 'node:fs/promises'
import test, { type ExecutionContext } from 'ava'
import { memcached } from '../../../src/index.ts'
import { type Cli, cliFor } from '../../helpers/cli.ts'
import { startFlakyProxy } from '../../helpers/flaky-proxy.ts'
import { startMemcached } from '../../helpers/memcached.ts'
import { startTestServer } from '../../helpers/server.ts'

const NAMES = Array.from({ length: 30 }, (_, index) => `site/${index}`)

/** Starts a server on `count` memcacheds, with one copy of each file, and a folder that is stored on it. */
async function begin(t: ExecutionContext, count: number) {
  const caches = await Promise.all(Array.from({ length: count }, () => startMemcached(t)))
  const engine = memcached(caches.map(({ address }) => address).join())
  const cli = await cliFor(t, await startTestServer(t, { engine }))
  await mkdir(cli.path('site'))
  for (const name of NAMES) await writeFile(cli.path(name), `content of ${name}`)
  await writeFile(cli.path('SUMS'), (await cli.ok(['put', '-r', 'site'])).stdout)
  return { caches, cli }
}

const run = (cli: Cli, args: string[]) => cli.run([...args, '--retries', '0'])

/** The files that are named in the text, each once. */
function named(text: string): Set<string> {
  return new Set(text.match(/\bsite\/\d+\b/g))
}

test('with one of two memcacheds down, commands serve what they can and name each other file', async (t) => {
  const { caches, cli } = await begin(t, 2)
  await caches[0]!.stop()
  const commands = [
    ['get', '-o', 'out'],
    ['verify', '--json'],
    ['repair', '--json'],
    ['stat', '--json'],
    ['missing', '--json'],
  ]
  for (const [command, ...flags] of commands as [string, ...string[]][]) {
    const { code, stdout, stderr } = await run(cli, [command, '--list', 'SUMS', ...flags])
    const failed = named(stderr)
    t.is(code, 5, command)
    t.true(failed.size > 0 && failed.size < NAMES.length, stderr)
    const served = stdout.split('\n').filter((line) => line !== '' && !line.includes('"error"'))
    const isAll = served.length === NAMES.length - failed.size
    t.true(command === 'missing' ? served.length === 0 : isAll, stdout)
  }
})

test('put names the file that gets no answer, and stores the others of its form', async (t) => {
  const server = await startTestServer(t)
  const proxy = await startFlakyProxy(t, server, (_index, { headers, url }) => {
    const isForm = headers['content-type']?.startsWith('multipart/')
    return isForm || url?.startsWith('/files/site/3?') ? { status: 503 } : undefined
  })
  const cli = await cliFor(t, proxy)
  await mkdir(cli.path('site'))
  for (const name of NAMES) await writeFile(cli.path(name), `content of ${name}`)

  const { code, stdout, stderr } = await cli.run(['put', '-r', 'site', '--retries', '0'])

  t.is(code, 5)
  t.regex(stderr, /^blobcached: site\/3: .*503\n$/)
  t.is(named(stdout).size, NAMES.length - 1)
})

test('a server whose memcached is down is given up after twenty files; verify says how many it did not ask about', async (t) => {
  const { caches, cli } = await begin(t, 1)
  await caches[0]!.stop()

  const { code, stdout, stderr } = await run(cli, ['verify', '--list', 'SUMS', '-j', '1'])

  t.is(code, 5)
  t.regex(stdout, /^30 files: .* 0 corrupt, 20 without an answer, 10 not asked$/m)
  t.is(named(stderr).size, 20)
  t.regex(stderr, /\nblobcached: 20 files in a row failed like this; the rest was not tried\n$/)
})
