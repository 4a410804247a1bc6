import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import type { ConnectionError } from '../../../../src/engine/memcached/connection-error.ts'
import { TextConnection } from '../../../../src/engine/memcached/pages/text-connection.ts'
import { startMemcached } from '../../../helpers/memcached.ts'
import { freePort } from '../../../helpers/ports.ts'
import { watched } from '../../../helpers/watchdog.ts'
import { settingsOf } from '../harness.ts'
import { fake } from './fake.ts'

function connect(t: ExecutionContext, address: string, limitMs = 10_000) {
  const abort = new AbortController()
  const connection = new TextConnection(settingsOf(address), limitMs, abort.signal)
  t.teardown(() => connection.close())
  return { connection, abort }
}

async function failure(t: ExecutionContext, work: Promise<unknown>) {
  return (await t.throwsAsync<ConnectionError>(watched('the line', work)))?.code
}

test('lines come as memcached sends them, over a unix socket too', async (t) => {
  for (const socket of [false, true]) {
    const { address } = await startMemcached(t, { socket })
    const { connection } = connect(t, address)
    connection.write('version', 'get nothing')
    t.regex(await connection.line(), /^VERSION [\d.]+$/)
    t.is(await connection.line(), 'END')
  }
})

test('a line may come in pieces, and several at once', async (t) => {
  const address = await fake(t, (socket) => {
    socket.setNoDelay().write('O')
    setTimeout(() => socket.write('K\r\nBADCLASS x\r\n'), 50)
  })
  const { connection } = connect(t, address)
  t.deepEqual([await connection.line(), await connection.line()], ['OK', 'BADCLASS x'])
})

test('who is busy is asked again, but not for ever', async (t) => {
  let asked = 0
  let busy = 3
  const answer = () => (asked++ < busy ? 'BUSY currently\r\n' : 'OK\r\n')
  const address = await fake(t, (socket) => socket.on('data', () => socket.write(answer())))
  const { connection } = connect(t, address)
  connection.write('command')
  t.is(await connection.answerTo('command'), 'OK')
  t.is(asked, 4)
  busy = 1000
  connection.write('command')
  t.is(await watched('the answer', connection.answerTo('command')), 'BUSY currently')
  t.true(asked < 100)
})

test('a server that is silent does not hold anybody up', async (t) => {
  const { connection } = connect(t, await fake(t, () => {}), 100)
  connection.write('version')
  t.is(await failure(t, connection.line()), 'timeout')
})

test('an abort ends it, before it is open and after', async (t) => {
  const { connection, abort } = connect(t, await fake(t, () => {}))
  const line = connection.line()
  abort.abort()
  t.is(await failure(t, line), 'shutdown')
  connection.write('version')
  t.is(await failure(t, connection.line()), 'shutdown')
})

test('an abort ends the wait for who is busy at once, not when the pause is over', async (t) => {
  const address = await fake(t, (socket) => socket.on('data', () => socket.write('BUSY\r\n')))
  // Most of the time it pauses, so at least one of these abort amid a pause.
  for (let i = 0; i < 10; i++) {
    const { connection, abort } = connect(t, address)
    connection.write('command')
    let ended: unknown
    connection.answerTo('command').catch((error) => {
      ended = error.code
    })
    await sleep(40 + i)
    abort.abort()
    await turn()
    t.is(ended, 'shutdown')
  }
})

test('it fails where nobody listens, and when the server leaves', async (t) => {
  const nobody = connect(t, `127.0.0.1:${await freePort()}`)
  t.is(await failure(t, nobody.connection.line()), 'refused')
  const { connection } = connect(t, await fake(t, (socket) => socket.end('OK\r\nhal')))
  t.is(await connection.line(), 'OK')
  t.is(await failure(t, connection.line()), 'closed')
})

test('a line without an end is none', async (t) => {
  const address = await fake(t, (socket) => socket.write('x'.repeat(100_000)))
  t.is(await failure(t, connect(t, address).connection.line()), 'protocol')
})
