import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import type { EngineStats } from '../../../src/index.ts'
import { until } from '../../engine/fleet/harness.ts'
import { cliFor } from '../../helpers/cli.ts'
import { startMemcached } from '../../helpers/memcached.ts'
import { startServe } from '../../helpers/serve.ts'

async function serversFile(t: ExecutionContext, text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'blobcached-servers-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const path = join(folder, 'servers')
  await writeFile(path, text)
  return path
}

test('SIGHUP reads the list of memcacheds again, and a bad one changes nothing', async (t) => {
  const [a, b, c] = await Promise.all([1, 2, 3].map(async () => (await startMemcached(t)).address))
  const file = await serversFile(t, `${a} # the first\n\n# more:\n ${b}*2\n`)
  const serving = await startServe(t, ['--memcached-file', file, '--replicas', '2'])
  const servers = async () => {
    const fleet = (await (await fetch(`${serving.url}/fleet`)).json()) as { servers: EngineStats[] }
    return fleet.servers.map(({ server }) => server).sort()
  }
  t.deepEqual(await servers(), [a, b].sort())
  const stored = await fetch(`${serving.url}/files/name`, { method: 'PUT', body: 'content' })
  t.is(stored.status, 201)

  await writeFile(file, `${b},${c}`)
  serving.signal('SIGHUP')
  const { servers: told } = await serving.logged('uses the new list of memcacheds')
  t.deepEqual(told, [b, c].sort())
  t.is(await (await fetch(`${serving.url}/files/name`)).text(), 'content')

  for (const bad of ['', 'no address', String(a)]) {
    await writeFile(file, bad)
    const before = serving.lines.length
    serving.signal('SIGHUP')
    const kept = 'keeps the old list of memcacheds: the new one cannot be used'
    const told = () => serving.lines.slice(before).filter(({ msg }) => msg === kept)
    await until('it says so', () => told().length > 0)
    t.like(told()[0], { level: 'error', err: undefined })
    t.regex(String(told()[0]!.error), /^--memcached-file: /)
    t.is(await (await fetch(`${serving.url}/files/name`)).text(), 'content')
  }
  await new Promise((resolve) => setTimeout(resolve, 1000)) // The report is kept for a second.
  t.deepEqual(await servers(), [b, c].sort())
})

test('SIGHUP reaches every worker', async (t) => {
  const [a, b] = await Promise.all([1, 2].map(async () => (await startMemcached(t)).address))
  const file = await serversFile(t, `${a}`)
  const serving = await startServe(t, ['--memcached-file', file, '--workers', '2'])
  await writeFile(file, `${a}\n${b}`)
  serving.signal('SIGHUP')
  const reloads = () => serving.lines.filter(({ msg }) => msg === 'uses the new list of memcacheds')
  await until('both workers use it', () => new Set(reloads().map(({ pid }) => pid)).size === 2)
  for (let i = 0; i < 10; i++) {
    const stored = await fetch(`${serving.url}/files/${i}`, { method: 'PUT', body: 'content' })
    t.is(stored.status, 201)
    await stored.body?.cancel()
  }
  serving.signal('SIGTERM')
  t.is((await serving.result).code, 0)
})

test('SIGHUP waits for a worker that is only starting, and ends nothing', async (t) => {
  const file = await serversFile(t, (await startMemcached(t)).address)
  const serving = await startServe(t, ['--memcached-file', file, '--workers', '2'])
  const connected = await serving.logged('memcached is connected')
  await sleep(1100) // One that dies sooner is not replaced at once, but a second later.
  process.kill(Number(connected.pid), 'SIGKILL')
  await serving.logged('a worker died')
  serving.signal('SIGHUP')
  const reloads = () => serving.lines.filter(({ msg }) => msg === 'uses the new list of memcacheds')
  await until('both workers have read it', () => {
    return new Set(reloads().map(({ pid }) => pid)).size === 2
  })
  serving.signal('SIGTERM')
  t.is((await serving.result).code, 0)
})

test('settings of a fleet that make no sense are refused by name', async (t) => {
  const cli = await cliFor(t, { url: '' })
  const file = await serversFile(t, '')
  const cases = [
    [['--replicas', '2'], /--replicas.*--memcached/],
    [['--replicas', '0'], /replicas/],
    [['--memcached', 'a,b', '--replicas', '3'], /--replicas.*1 to the number of servers, 2/],
    [['--memcached', 'a*0,b'], /--memcached.*weight/],
    [['--memcached', 'a', '--memcached-file', file], /exclude each other/],
    [['--memcached-file', '/does/not/exist'], /--memcached-file.*ENOENT/],
    [['--memcached-file', file], /--memcached-file.*no memcached address/],
  ] as const
  const runs = cases.map(async ([args, message]) => {
    const { code, stderr } = await cli.run(['serve', '--port', '0', ...args])
    t.is(code, 2, stderr)
    t.regex(stderr, message)
  })
  await Promise.all(runs)
})

test('--memcached-protocol is how memcached is spoken to', async (t) => {
  const { address } = await startMemcached(t)
  const serving = await startServe(t, ['--memcached', address, '--memcached-protocol', 'text'])
  const fleet = (await (await fetch(`${serving.url}/fleet`)).json()) as { servers: EngineStats[] }
  t.is(fleet.servers[0]!.protocol, 'text')
})
