import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import { TextConnection } from '../../../../src/engine/memcached/pages/text-connection.ts'
import type { Memcached } from '../../../helpers/memcached.ts'
import { watched } from '../../../helpers/watchdog.ts'
import { rig, settingsOf } from '../harness.ts'
import { after, alone, fillWithLarge, lost, movedPages, PATIENT, press, store } from './harness.ts'

const sessions = (count: number, length = 0) =>
  Array.from({ length: count }, (_, i) => `session:${String(i).padStart(length, '0')}`)

test('values of another application stay, however old, and files make room for files', async (t) => {
  const { engine, server } = await rig(t, PATIENT, alone())
  // A class of their own, which becomes the oldest and has the most pages to give but one.
  const others = sessions(1000)
  await store(engine, 20_000, others)
  await sleep(2000)
  await fillWithLarge(engine)
  const small = await press(engine, async () => (await movedPages(server)) >= 8)
  t.true((await movedPages(server)) >= 8)
  t.is(await lost(engine, others), 0)
  t.is(await lost(engine, small.slice(-600)), 0)
})

/** Asks for a list of more than fits the buffers between, and does not read it. */
async function leaveListUnread(t: ExecutionContext, server: Memcached) {
  const socket = connect(server.port!, '127.0.0.1')
  t.teardown(() => socket.destroy())
  socket.pause().write('lru_crawler metadump all\r\n')
  await sleep(1000)
  t.is((await server.raw.stats()).lru_crawler_running, '1', 'it waits for its reader')
}

async function answersVersion(t: ExecutionContext, { address }: Memcached) {
  const connection = new TextConnection(settingsOf(address), 3000, new AbortController().signal)
  t.teardown(() => connection.close())
  connection.write('version')
  return (await connection.line().catch((error) => error.code)) as string
}

test('while nobody reads a list of all items, no thread of memcached is held up by another', async (t) => {
  const { engine, server } = await rig(t, PATIENT, alone())
  await store(engine, 10, sessions(30_000, 240))
  await fillWithLarge(engine)
  await leaveListUnread(t, server)
  await press(engine, after(6000)).catch(() => {})
  // Each thread of memcached gets some of them.
  const answers = Array.from({ length: 16 }, () => answersVersion(t, server))
  for (const answer of await watched('the versions', Promise.all(answers))) {
    t.regex(answer, /^VERSION /)
  }
  t.is(await movedPages(server), 0)
})
