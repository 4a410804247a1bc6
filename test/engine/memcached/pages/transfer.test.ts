import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import type { Commands } from '../../../../src/engine/memcached/commands.ts'
import { pauseAfter } from '../../../../src/engine/memcached/pages/page-mover.ts'
import type { SlabClass } from '../../../../src/engine/memcached/pages/slab-classes.ts'
import { transferPages } from '../../../../src/engine/memcached/pages/transfer.ts'
import { startMemcached } from '../../../helpers/memcached.ts'
import { watched } from '../../../helpers/watchdog.ts'
import { settingsOf } from '../harness.ts'
import { fake } from './fake.ts'
import { keys } from './harness.ts'

const HOUR = 3_600_000
const HALF_A_MINUTE = 30_000

const from: SlabClass = {
  id: 39,
  pages: 60,
  chunksPerPage: 2,
  usedChunks: 120,
  freeChunks: 0,
  age: 60,
  evicted: 0,
}
const to: SlabClass = { ...from, id: 18, chunksPerPage: 230, age: 0 }

/** `hangUp` ends the connection, `undefined` is silence. */
type Answers = (command: string) => string | undefined
const hangUp = 'hang up'

const dump = (all: readonly string[]) =>
  `${all.map((key, i) => `key=${key} exp=-1 la=${i} cas=${i + 1} fetch=no cls=39 size=1\n`).join('')}END`

/** What memcached says when all goes well. */
const GOOD = (command: string): string => {
  if (command === 'version') return 'VERSION 1.6.18'
  if (command.startsWith('md')) return 'HD'
  if (command.startsWith('lru_crawler')) return dump(keys('old', 40))
  return command === 'slabs reassign 39 39' ? 'SAME' : 'OK'
}

async function transferAt(address: string, donor = from, figures: Record<string, string> = {}) {
  const commands = { stats: async () => new Map(Object.entries(figures)) } as unknown as Commands
  const { signal } = new AbortController()
  const access = { commands, settings: settingsOf(address), signal }
  const told: string[] = []
  const work = transferPages(access, [{ from: donor, to, pages: 2 }], {
    fed: (id) => told.push(`fed ${id}`),
    barren: (id) => told.push(`barren ${id}`),
  })
  const error = await watched(
    'the transfer',
    work.catch((failure: unknown) => failure),
    10_000,
  )
  return { told, pause: error === undefined ? 0 : pauseAfter(error) }
}

/** Has two pages moved, by a memcached that answers as GOOD does unless `answers` says otherwise. */
async function transfer(
  t: ExecutionContext,
  answers: Answers,
  { donor = from, figures = { lru_crawler_running: '0' } as Record<string, string> } = {},
) {
  const asked: string[] = []
  const address = await fake(t, (socket) => {
    socket.on('data', (bytes) => {
      for (const command of bytes.toString().trimEnd().split('\r\n')) {
        asked.push(command)
        const answer = answers(command)
        if (answer === hangUp) socket.end()
        else if (answer !== undefined) socket.write(`${answer}\r\n`)
      }
    })
  })
  const { told, pause } = await transferAt(address, donor, figures)
  const count = (what: string) => asked.filter((command) => command.startsWith(what)).length
  return {
    told,
    pause,
    dumps: count('lru_crawler'),
    removed: count('md '),
    moves: count('slabs reassign 39 18'),
  }
}

const instead = (start: string, answer: string | undefined): Answers => {
  return (command) => (command.startsWith(start) ? answer : GOOD(command))
}

test('a page moves when as many items are gone as lie on it', async (t) => {
  t.deepEqual(await transfer(t, GOOD), {
    told: ['fed 18', 'fed 18'],
    pause: 0,
    dumps: 1,
    removed: 4,
    moves: 2,
  })
})

test('pages that hold nothing move, and nothing is removed', async (t) => {
  const donor = { ...from, freeChunks: 4 }
  const { dumps, removed, moves } = await transfer(t, instead('md', 'ERROR'), { donor })
  t.deepEqual({ dumps, removed, moves }, { dumps: 0, removed: 0, moves: 2 })
})

test('a page that is free moves, and no other where nothing is listed', async (t) => {
  const donor = { ...from, freeChunks: 3 }
  const { removed, moves } = await transfer(t, instead('lru_crawler', 'END'), { donor })
  t.deepEqual({ removed, moves }, { removed: 0, moves: 1 })
})

const NOTHING_OLD: [string, string][] = [
  ['lists nothing', 'END'],
  ['lists less than a page', dump(keys('old', 1))],
  ['lists only what others stored', dump(Array.from({ length: 40 }, (_, i) => `session:${i}`))],
  ['lists items without a version', dump(keys('old', 40)).replaceAll(/cas=\d+/g, 'cas=0')],
  ['cannot list', 'ERROR lru crawler disabled'],
]
for (const [what, answer] of NOTHING_OLD) {
  test(`where memcached ${what}, nothing is removed or moved, which is remembered`, async (t) => {
    const { told, removed, moves, pause } = await transfer(t, instead('lru_crawler', answer))
    t.deepEqual(told, ['barren 39'])
    t.deepEqual([removed, moves, pause], [0, 0, 0])
  })
}

test('who is busy with another list is not asked for one, nor taken for barren', async (t) => {
  const figures = { lru_crawler_running: '1' }
  const { told, dumps, moves, pause } = await transfer(t, GOOD, { figures })
  t.deepEqual([told, dumps, moves, pause], [[], 0, 0, 0])
  const busy = await transfer(t, instead('lru_crawler', 'BUSY currently processing'))
  t.deepEqual([busy.told, busy.dumps, busy.removed, busy.moves], [[], 1, 0, 0])
})

test('who has no crawler is not asked for a list', async (t) => {
  const { told, dumps, moves } = await transfer(t, GOOD, { figures: {} })
  t.deepEqual([told, dumps, moves], [['barren 39'], 0, 0])
})

test('items that were not there any more make no room', async (t) => {
  for (const answer of ['NF', 'EX']) {
    const { moves, pause } = await transfer(t, instead('md', answer))
    t.deepEqual([moves, pause], [0, 0], answer)
  }
  let asked = 0
  const firstIsGone = (command: string) =>
    command.startsWith('md') && asked++ === 0 ? 'NF' : GOOD(command)
  // Four were listed, one was gone: there is one page less.
  t.is((await transfer(t, firstIsGone)).moves, 1)
})

const PAUSES: [string, string, string, number][] = [
  ['the moves are switched off', 'slabs', 'CLIENT_ERROR slab reassignment disabled', HOUR],
  ['the moves are not known', 'slabs', 'ERROR', HOUR],
  ['it hangs up at once', 'version', hangUp, HOUR],
  ['it is full', 'version', 'ERROR Too many open connections', HALF_A_MINUTE],
  ['it says something else', 'slabs', 'SERVER_ERROR out of memory', HALF_A_MINUTE],
  ['it hangs up in the middle', 'lru_crawler', hangUp, HALF_A_MINUTE],
  ['removing a version is not known', 'md', 'ERROR', HOUR],
  ['a move ends in an error', 'slabs reassign 39 18', 'SERVER_ERROR', HALF_A_MINUTE],
]
for (const [what, command, answer, expected] of PAUSES) {
  test(`how long memcached is left alone when ${what}`, async (t) => {
    const { pause, told } = await transfer(t, instead(command, answer))
    t.deepEqual([pause, told], [expected, []])
  })
}

test('a memcached that is full by the second connection is asked again soon', async (t) => {
  let asked = 0
  const { pause, dumps } = await transfer(t, (command) =>
    command === 'version' && asked++ > 0 ? 'ERROR Too many open connections' : GOOD(command),
  )
  t.deepEqual([pause, dumps], [HALF_A_MINUTE, 0])
})

test('a list that does not come is not asked for again soon, other silence is no refusal', async (t) => {
  const silence = (start: string) => transfer(t, instead(start, undefined))
  const [list, moves] = await Promise.all([silence('lru_crawler'), silence('slabs')])
  t.deepEqual([list.pause, moves.pause], [HOUR, HALF_A_MINUTE])
})

test('a memcached that speaks the binary protocol only is left alone for an hour', async (t) => {
  const { address } = await startMemcached(t, { args: ['-B', 'binary'] })
  t.is((await transferAt(address)).pause, HOUR)
})

test('a memcached that takes no more connections is asked again soon', async (t) => {
  const { address, port } = await startMemcached(t, { args: ['-c', '64', '-o', 'maxconns_fast'] })
  for (let i = 0; i < 80; i++) {
    const socket = connect(port!, '127.0.0.1').on('error', () => {})
    t.teardown(() => socket.destroy())
  }
  await sleep(300)
  t.is((await transferAt(address)).pause, HALF_A_MINUTE)
})
