import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { type Memcached, startMemcached } from './memcached.ts'
import { freePort } from './ports.ts'
import { until } from './watchdog.ts'

export const hasTwemproxy = spawnSync('nutcracker', ['-V']).status === 0

/** twemproxy in front of three memcacheds; all stop when the test has ended. */
export async function startTwemproxy(t: ExecutionContext) {
  const start = () => startMemcached(t, { memoryMb: 64 })
  const servers: Memcached[] = await Promise.all([start(), start(), start()])
  const directory = await mkdtemp(join(tmpdir(), 'blobcached-test-'))
  const [port, statsPort] = [await freePort(), await freePort()]
  const file = join(directory, 'nutcracker.yml')
  const pool = {
    listen: `127.0.0.1:${port}`,
    hash: 'fnv1a_64',
    distribution: 'ketama',
    timeout: 300,
    auto_eject_hosts: false,
    servers: servers.map(({ address }, i) => `${address}:1 server${i}`),
  }
  await writeFile(file, toYaml(pool))
  const flags = ['-c', file, '-s', String(statsPort), '-a', '127.0.0.1', '-m', '16384']
  const child = spawn('nutcracker', flags, { stdio: 'ignore' })
  const exit = once(child, 'exit')
  t.teardown(async () => {
    child.kill('SIGKILL')
    await exit
    await rm(directory, { recursive: true, force: true })
  })
  await until('twemproxy to listen', () => accepts(port), 20)
  return { address: `127.0.0.1:${port}`, servers }
}

function toYaml({ servers, ...settings }: { servers: string[] } & Record<string, unknown>): string {
  const lines = Object.entries(settings).map(([name, value]) => `  ${name}: ${value}`)
  return ['pool:', ...lines, '  servers:', ...servers.map((each) => `   - ${each}`), ''].join('\n')
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' })
    const end = (is: boolean) => {
      socket.destroy()
      resolve(is)
    }
    socket.once('connect', () => end(true)).once('error', () => end(false))
  })
}
