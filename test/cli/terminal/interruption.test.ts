import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { bytes } from '../../helpers/bytes.ts'
import { COMMAND, cliFor } from '../../helpers/cli.ts'
import { startTestServer } from '../../helpers/server.ts'
import { watched } from '../../helpers/watchdog.ts'

test('SIGINT during get leaves nothing behind', async (t) => {
  const server = await startTestServer(t)
  await server.store.put(bytes('interrupt', 3_000_000), { name: 'a' })
  const cli = await cliFor(t, server)
  // The body stops in the middle: the server never ends it.
  server.http.prependListener('request', (_req, res) => {
    const write = res.write.bind(res)
    let passed = 0
    res.write = ((piece: Buffer, ...rest: never[]) => {
      passed += piece.length
      return passed > 1_000_000 ? false : write(piece, ...rest)
    }) as typeof res.write
    res.end = (() => res) as typeof res.end
  })

  const { child, result } = cli.start(['get', 'a'])
  child.stdin.end()
  while ((await readdir(cli.folder)).length === 0) await sleep(20)
  child.kill('SIGINT')

  const { code, stderr } = await result
  t.is(code, 130, stderr)
  t.deepEqual(await readdir(cli.folder), [])
})

test('SIGINT during put leaves no name on the server', async (t) => {
  const server = await startTestServer(t)
  const cli = await cliFor(t, server)
  const request = once(server.http, 'request')
  const { child, result } = cli.start(['put', '-', '-n', 'a'])
  child.stdin.write(bytes('interrupt', 2_000_000))
  await request
  child.kill('SIGINT')

  t.is((await result).code, 130)
  await t.throwsAsync(server.store.get({ name: 'a' }), { code: 'not-found' })
})

/** Resolves once a process has used no processor for half a second. */
async function idle(pid: number): Promise<void> {
  const ticks = () => readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ').slice(13, 15).join()
  for (let before = ''; before !== ticks(); await sleep(500)) before = ticks()
}

const WAITING: Record<string, string[]> = {
  'standard input that has nothing': ['put', '-', '-n', 'x'],
  'a pipe without a writer': ['put', 'fifo'],
  'a pipe without a reader': ['get', 'a', '-f', '-o', 'fifo'],
  'standard output that takes no more': ['get', 'a', '-o', '-'],
}

for (const [what, args] of Object.entries(WAITING)) {
  test(`one signal ends a command that waits for ${what}`, async (t) => {
    const server = await startTestServer(t)
    await server.store.put(bytes('waiting', 1_000_000), { name: 'a' })
    const cli = await cliFor(t, server)
    for (const name of ['fifo', 'held']) execFileSync('mkfifo', [cli.path(name)])
    const held = openSync(cli.path('held'), 'r+')
    const child = spawn(process.execPath, [...COMMAND, ...args, '--server', server.url], {
      cwd: cli.folder,
      stdio: [held, held, 'ignore'],
    })
    t.teardown(() => void child.kill('SIGKILL'))
    const ended = once(child, 'exit')
    await watched('the start of the command', idle(child.pid!))
    child.kill('SIGTERM')

    const [code, signal] = await watched('the command', ended, 5000)
    t.true(code === 143 || signal === 'SIGTERM')
    closeSync(held)
  })
}
