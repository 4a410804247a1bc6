import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, type NetConnectOpts } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ExecutionContext } from 'ava'
import { freePort } from './ports.ts'
import { RawClient } from './raw-memcached.ts'
import { SaslAuthority } from './sasl.ts'

export interface MemcachedFlags {
  /** More command line arguments. */
  args?: string[]
  memoryMb?: number
  /** Listen on a unix socket, not on a port. */
  socket?: boolean
  /** `-I`, for example `2m`. */
  maxItem?: string
  /** Ask for these credentials; `raw` does not work then, since it has none. */
  sasl?: { username: string; password: string }
  port?: number
}

/** A real memcached of our own, and what tests do to it. */
export class Memcached {
  readonly address: string
  readonly raw: RawClient
  readonly port: number | undefined
  readonly #where: NetConnectOpts
  readonly #settings: MemcachedFlags
  readonly #directory: string
  #process: ChildProcess | undefined
  #sasl: SaslAuthority | undefined

  private constructor(settings: MemcachedFlags, directory: string, port: number | undefined) {
    this.#settings = settings
    this.#directory = directory
    this.port = port
    const path = join(directory, 'memcached.sock')
    this.#where = port === undefined ? { path } : { port, host: '127.0.0.1' }
    this.address = port === undefined ? path : `127.0.0.1:${port}`
    this.raw = new RawClient(this.#where)
  }

  static async launch(settings: MemcachedFlags = {}): Promise<Memcached> {
    const directory = await mkdtemp(join(tmpdir(), 'blobcached-test-'))
    const port = settings.socket ? undefined : (settings.port ?? (await freePort()))
    const server = new Memcached(settings, directory, port)
    await server.start()
    return server
  }

  get pid(): number {
    if (this.#process?.pid === undefined) throw new Error('memcached does not run')
    return this.#process.pid
  }

  async start(): Promise<void> {
    const { sasl } = this.#settings
    if (sasl) this.#sasl ??= await SaslAuthority.start(this.#directory, sasl)
    const child = spawn('memcached', this.#arguments(), {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, SASL_CONF_PATH: this.#directory },
    })
    let complaint = ''
    child.stderr!.on('data', (text) => {
      complaint += text
    })
    this.#process = child
    for (const deadline = Date.now() + 10_000; !(await this.#accepts()); await sleep(10)) {
      if (child.exitCode !== null || Date.now() > deadline) {
        throw new Error(`memcached did not start: ${complaint}`)
      }
    }
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    this.raw.close()
    const child = this.#process
    this.#process = undefined
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill(signal)
    if (signal !== 'SIGKILL') child.kill('SIGCONT')
    await gone
  }

  /** Comes back at the same place, empty. */
  async restart(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.stop(signal)
    await this.start()
  }

  /** It neither answers nor closes anything until it is thawed. */
  freeze(): void {
    process.kill(this.pid, 'SIGSTOP')
    // The signal is on its way: a busy machine lets the threads answer a little longer.
    for (const end = Date.now() + 2000; !isStopped(this.pid) && Date.now() < end; ) pause(5)
  }

  thaw(): void {
    process.kill(this.pid, 'SIGCONT')
  }

  async dispose(): Promise<void> {
    await this.stop('SIGKILL')
    this.#sasl?.stop()
    await rm(this.#directory, { recursive: true, force: true })
  }

  #arguments(): string[] {
    const { args = [], memoryMb = 128, maxItem, sasl } = this.#settings
    const where = this.#where as { path?: string; port?: number }
    const all = [
      '-o',
      'slab_automove=1,slab_automove_window=3,slab_automove_ratio=0.1',
      '-m',
      String(memoryMb),
      '-U',
      '0',
    ]
    if (where.path) all.push('-s', where.path)
    else all.push('-l', '127.0.0.1', '-p', String(where.port))
    if (process.getuid?.() === 0) all.push('-u', 'root')
    if (maxItem) all.push('-I', maxItem)
    if (sasl) all.push('-S')
    return [...all, ...args]
  }

  #accepts(): Promise<boolean> {
    return new Promise((resolve) => {
      const socket = connect(this.#where)
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
      socket.once('connect', () => socket.destroy())
    })
  }
}

/** Whether every thread has stopped; where there is no /proc nobody can tell. */
function isStopped(pid: number): boolean {
  try {
    return readdirSync(`/proc/${pid}/task`).every((thread) =>
      / [Tt] /.test(readFileSync(`/proc/${pid}/task/${thread}/stat`, 'latin1').slice(0, 60)),
    )
  } catch {
    return true
  }
}

function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

/** A memcached that stops when the test has ended. */
export async function startMemcached(
  t: ExecutionContext,
  settings?: MemcachedFlags,
): Promise<Memcached> {
  const server = await Memcached.launch(settings)
  t.teardown(() => server.dispose())
  return server
}

/** For benchmarks: whoever calls this stops it with `dispose()`. */
export function launchMemcached(settings?: MemcachedFlags): Promise<Memcached> {
  return Memcached.launch(settings)
}
