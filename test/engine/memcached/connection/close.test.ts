import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { startMemcached } from '../../../helpers/memcached.ts'
import { freePort } from '../../../helpers/ports.ts'
import { watched } from '../../../helpers/watchdog.ts'

const STRIP_TYPES = new URL('../../../helpers/strip-types.js', import.meta.url).href
const CHILD = fileURLToPath(new URL('close-child.ts', import.meta.url))

async function runChild(state: string, address: string, onMessage = () => {}): Promise<string> {
  const child = fork(CHILD, [state, address], {
    execArgv: [`--import=${STRIP_TYPES}`],
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  child.on('message', onMessage)
  let output = ''
  child.stdout!.on('data', (text) => {
    output += text
  })
  try {
    const [code] = await watched(`the exit of the child, ${state}`, once(child, 'exit'))
    return `${code} ${output.trim()}`
  } finally {
    child.kill('SIGKILL')
  }
}

test('close() before anything was asked: the process exits', async (t) => {
  t.is(await runChild('unused', '127.0.0.1:1'), '0 0')
})

test('close() when idle: the process exits', async (t) => {
  const { address } = await startMemcached(t)
  t.is(await runChild('idle', address), '0 0')
})

test('an idle engine that was not closed keeps no process alive', async (t) => {
  const { address } = await startMemcached(t)
  t.is(await runChild('open', address), '0 0')
})

test('one that has stored something keeps no process alive either', async (t) => {
  const { address } = await startMemcached(t)
  t.is(await runChild('stored', address), '0 0')
})

test('close() after a refusal: the process exits', async (t) => {
  t.is(await runChild('refused', `127.0.0.1:${await freePort()}`), '0 1 get refused')
})

test('close() while connecting: all settle, the process exits', async (t) => {
  const silent = createServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  t.teardown(() => silent.close())
  const { port } = silent.address() as { port: number }
  t.is(await runChild('connecting', `127.0.0.1:${port}`), '0 1 get shutdown')
})

test('close() while memcached hangs: all settle, the process exits', async (t) => {
  const server = await startMemcached(t)
  t.is(await runChild('hung', server.address, () => server.freeze()), '0 1 get shutdown')
})

test('close() amid large sets to a memcached that hangs: all settle', async (t) => {
  const server = await startMemcached(t)
  const result = await runChild('large', server.address, () => server.freeze())
  t.is(result, '0 41 get shutdown,set shutdown')
})

test('close() while a damaged value is read again: all settle', async (t) => {
  const { address } = await startMemcached(t)
  t.regex(await runChild('damaged', address), /^0 2 damaged (shutdown|undefined),get ok$/)
})
