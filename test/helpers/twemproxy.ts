import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { launchMemcached, type Memcached } from './memcached.ts'
import { freePort } from './ports.ts'
import { until } from './watchdog.ts'

export const hasTwemproxy = spawnSync('nutcracker', ['-V']).status === 0

/** twemproxy in front of three memcacheds. */
export class Twemproxy {
  readonly address: string
  readonly servers: readonly Memcached[]
  readonly #directory: string
  #process: ChildProcess | undefined

  private constructor(port: number, servers: readonly Memcached[], directory: string) {
    this.address = `127.0.0.1:${port}`
    this.servers = servers
    this.#directory = directory
  }

  static async launch(): Promise<Twemproxy> {
    const launch = () => launchMemcached({ memoryMb: 64 })
    const servers = await Promise.all([launch(), launch(), launch()])
    const directory = await mkdtemp(join(tmpdir(), 'blobcached-test-'))
    const port = await freePort()
    const proxy = new Twemproxy(port, servers, directory)
    await proxy.#start(port)
    return proxy
  }

  async dispose(): Promise<void> {
    const child = this.#process!
    if (child.exitCode === null) {
      const exit = once(child, 'exit')
      child.kill('SIGKILL')
      await exit
    }
    await Promise.all(this.servers.map((server) => server.dispose()))
    await rm(this.#directory, { recursive: true, force: true })
  }

  async #start(port: number): Promise<void> {
    const file = join(this.#directory, 'nutcracker.yml')
    const pool = {
      listen: this.address,
      hash: 'fnv1a_64',
      distribution: 'ketama',
      timeout: 300,
      auto_eject_hosts: false,
      servers: this.servers.map(({ address }, i) => `${address}:1 server${i}`),
    }
    await writeFile(file, toYaml(pool))
    const flags = ['-c', file, '-s', String(await freePort()), '-a', '127.0.0.1', '-m', '16384']
    this.#process = spawn('nutcracker', flags, { stdio: 'ignore' })
    await until('twemproxy to listen', () => accepts(port), 20)
  }
}

/** One that stops when the test has ended. */
export async function startTwemproxy(t: ExecutionContext): Promise<Twemproxy> {
  const proxy = await Twemproxy.launch()
  t.teardown(() => proxy.dispose())
  return proxy
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
