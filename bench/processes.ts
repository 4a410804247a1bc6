import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'

/** A server that a benchmark started and stops again. */
export interface Running {
  readonly pids: readonly number[]
  stop(): Promise<void>
}

/** Starts a program in the foreground and waits until it accepts connections on `port`. */
export async function start(command: string, args: string[], port: number): Promise<Running> {
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let errors = ''
  child.stderr?.on('data', (text: Buffer) => {
    errors = (errors + text).slice(-4000)
  })
  const exited = once(child, 'exit').catch((error) => [error])
  for (let tries = 0; !(await accepts(port)); tries++) {
    if (child.exitCode !== null || tries > 300) {
      child.kill('SIGKILL')
      throw new Error(`${command} does not accept connections on ${port}: ${errors}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return {
    get pids() {
      return [child.pid!, ...childrenOf(child)]
    },
    async stop() {
      child.kill('SIGTERM')
      const kill = setTimeout(() => child.kill('SIGKILL'), 5000)
      await exited
      clearTimeout(kill)
    },
  }
}

/** Returns resident memory in bytes and the CPU seconds used so far, of all its processes together. */
export function usage(running: Running): { rss: number; peakRss: number; cpu: number } {
  const sum = { rss: 0, peakRss: 0, cpu: 0 }
  for (const pid of running.pids) {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    sum.rss += kilobytes(status, 'VmRSS')
    sum.peakRss += kilobytes(status, 'VmHWM')
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    sum.cpu += (Number(fields[11]) + Number(fields[12])) / 100
  }
  return sum
}

function kilobytes(status: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) * 1024
}

function childrenOf(child: ChildProcess): number[] {
  try {
    const path = `/proc/${child.pid}/task/${child.pid}/children`
    return readFileSync(path, 'utf8').trim().split(' ').filter(Boolean).map(Number)
  } catch {
    return []
  }
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
