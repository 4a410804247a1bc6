import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { ExecutionContext } from 'ava'
import { FileStore, memcached } from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { deferred } from '../../helpers/deferred.ts'

interface Task {
  name: string
  callers: number
  /** Milliseconds that `produce` takes. */
  ms: number
}

interface Answer {
  /** Calls of `produce`. */
  produced: number
  /** Of what each caller got. */
  hashes: string[]
}

const FILE = fileURLToPath(import.meta.url)

/** Starts a process with a store of its own, which does what it is asked on its standard input. */
export function startProcess(t: ExecutionContext, address: string) {
  const child = spawn(process.execPath, ['--import=tsx', FILE, address], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  t.teardown(() => void child.kill('SIGKILL'))
  const [ready, produces, answer] = [deferred(), deferred(), deferred<Answer>()]
  createInterface(child.stdout).on('line', (line) => {
    if (line === 'ready') ready.resolve()
    else if (line === 'produces') produces.resolve()
    else answer.resolve(JSON.parse(line))
  })
  return {
    ready: ready.promise,
    /** Resolves when it calls `produce`. */
    produces: produces.promise,
    ask(task: Task): Promise<Answer> {
      child.stdin.write(`${JSON.stringify(task)}\n`)
      return answer.promise
    },
    kill: () => child.kill('SIGKILL'),
  }
}

async function work(address: string): Promise<void> {
  const store = new FileStore(memcached(address, { timeoutMs: 10_000, connectTimeoutMs: 10_000 }))
  await store.ready()
  console.log('ready')
  for await (const line of createInterface(process.stdin)) {
    const { name, callers, ms }: Task = JSON.parse(line)
    let produced = 0
    const produce = async () => {
      produced++
      console.log('produces')
      await new Promise((resolve) => setTimeout(resolve, ms))
      return bytes(name, 2_000_000)
    }
    const ask = async () => (await (await store.getOrPut(name, produce)).bytes()) && hashOf(name)
    const hashOf = async (name: string) => (await store.find(name)).hash
    const hashes = await Promise.all(Array.from({ length: callers }, ask))
    console.log(JSON.stringify({ produced, hashes }))
  }
  await store.close()
}

if (process.argv[1] === FILE) await work(process.argv[2]!)
