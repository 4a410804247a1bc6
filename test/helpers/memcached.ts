import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
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
  /** Listen on a Unix socket in place of a port. */
  socket?: boolean
  /** `-I`, for example `2m`. */
  maxItem?: string
  /** Require these credentials; `raw` does not work then, since it sends none. */
  sasl?: { username: string; password: string }
  /** The same with `-Y`, which refuses the binary protocol. */
  textAuth?: { username: string; password: string }
  port?: number
  /** How far its clock is ahead, as faketime takes it: `+40d`. */
  clock?: string
}

/** Debian's library that gives a process another clock, where it is installed. */
const FAKETIME = (existsSync('/usr/lib') ? readdirSync('/usr/lib') : [])
  .map((folder) => `/usr/lib/${folder}/faketime/libfaketimeMT.so.1`)
  .find((path) => existsSync(path))
export const hasFakeClock = FAKETIME !== undefined

/** A memcached process of one test, with methods to stop, freeze and restart it. */
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
    const { sasl, textAuth } = this.#settings
    if (sasl) this.#sasl ??= await SaslAuthority.start(this.#directory, sasl)
    if (textAuth) await writeFile(this.#users, `${textAuth.username}:${textAuth.password}\n`)
    const child = spawn('memcached', this.#arguments(), {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, SASL_CONF_PATH: this.#directory, ...this.#fakedClock() },
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

  /** Restarts it, empty, at the same address. */
  async restart(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.stop(signal)
    await this.start()
  }

  /** Stops the process with SIGSTOP: it neither answers nor closes connections until `thaw`. */
  freeze(): void {
    process.kill(this.pid, 'SIGSTOP')
    // On a busy machine the threads may answer for a moment after the signal.
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

  #fakedClock(): Record<string, string> {
    const { clock } = this.#settings
    return clock === undefined ? {} : { LD_PRELOAD: FAKETIME!, FAKETIME: clock }
  }

  get #users(): string {
    return join(this.#directory, 'users')
  }

  #arguments(): string[] {
    const { args = [], memoryMb = 128, maxItem, sasl, textAuth } = this.#settings
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
    if (textAuth) all.push('-Y', this.#users)
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

/** Returns whether every thread has stopped; true where there is no /proc. */
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

/** Starts a memcached and stops it after the test. */
export async function startMemcached(
  t: ExecutionContext,
  settings?: MemcachedFlags,
): Promise<Memcached> {
  const server = await Memcached.launch(settings)
  t.teardown(() => server.dispose())
  return server
}

/** Starts a memcached for a benchmark, which stops it with `dispose()`. */
export function launchMemcached(settings?: MemcachedFlags): Promise<Memcached> {
  return Memcached.launch(settings)
}
