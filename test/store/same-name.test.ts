import { setImmediate as tick } from 'node:timers/promises'
import test from 'ava'
import { Digest, FileStore, memory } from '../../src/index.ts'
import { bytes } from '../helpers/bytes.ts'
import { deferred } from '../helpers/deferred.ts'
import { onEveryEngine } from '../helpers/engines.ts'
import { FaultyEngine } from '../helpers/faulty-engine.ts'
import { pieces, slowly } from '../helpers/sources.ts'
import { until } from '../helpers/watchdog.ts'

const ROUNDS = 200
const one = bytes('one', 3500)
const two = bytes('two', 2100)

onEveryEngine(
  'invariant 4: uploads to one name at the same time: readers see one or the other, whole',
  async (t, backend) => {
    const store = backend.store()
    await store.put(one, { name: 'a', type: 'one' })
    const seen = { one: 0, two: 0 }
    let isDone = false
    const read = async () => {
      while (!isDone) {
        const file = await store.get('a')
        const content = await file.bytes()
        const isOne = file.type === 'one'
        if (!content.equals(isOne ? one : two)) t.fail('neither of the two')
        seen[isOne ? 'one' : 'two']++
        await tick()
      }
    }
    const readers = [read(), read(), read()]
    for (let round = 0; round < ROUNDS; round++) {
      const receipts = await Promise.all([
        store.put(slowly(pieces(one, [500 + (round % 7)])), { name: 'a', type: 'one' }),
        store.put(slowly(pieces(two, [300 + (round % 11)])), { name: 'a', type: 'two' }),
      ])
      t.deepEqual(
        receipts.map(({ size }) => size),
        [3500, 2100],
      )
    }
    isDone = true
    await Promise.all(readers)
    t.true(seen.one > 0 && seen.two > 0, JSON.stringify(seen))
    t.is(store.memoryUsage.used, 0)
  },
)

onEveryEngine('create-only, many at once: exactly one wins', async (t, backend) => {
  const store = backend.store()
  for (let round = 0; round < 40; round++) {
    const name = `round ${round}`
    const contents = Array.from({ length: 5 }, (_, index) => bytes(`${round} ${index}`, 1500))
    const results = await Promise.allSettled(
      contents.map((content) =>
        store.put(slowly(pieces(content, [700])), { name, createOnly: true }),
      ),
    )
    const winners = contents.filter((_, index) => results[index]!.status === 'fulfilled')
    t.is(winners.length, 1)
    for (const result of results) {
      if (result.status === 'rejected') t.is(result.reason.code, 'exists')
    }
    t.deepEqual(await (await store.get(name)).bytes(), winners[0])
  }
})

onEveryEngine(
  'create-only takes the name of a file that cannot be read any more',
  async (t, backend) => {
    const store = backend.store()
    const { hash } = await store.put('old', { name: 'a' })
    await t.throwsAsync(store.put('new', { name: 'a', createOnly: true }), { code: 'exists' })
    t.is((await (await store.get('a')).bytes()).toString(), 'old')
    await backend.delete(`c:${hash}`)
    t.false((await store.put('new', { name: 'a', createOnly: true })).created)
    t.is((await (await store.get('a')).bytes()).toString(), 'new')
  },
)

test('create-only takes a name that is deleted once more meanwhile', async (t) => {
  const engine = new FaultyEngine(memory())
  const store = new FileStore(engine)
  const gate = deferred()
  let isProduced = false
  const filling = store.getOrPut('a', async () => {
    isProduced = true
    await gate.promise
    return 'filled'
  })
  await until('it is produced', () => isProduced)
  await store.delete('a')
  const look = engine.look!
  engine.look = async (key) => {
    engine.look = look
    await store.delete('a')
    return look(key)
  }
  await store.put('new', { name: 'a', createOnly: true })
  gate.resolve()
  t.is(await (await filling).text(), 'new')
})

onEveryEngine(
  'create-only, many at once, in the place of what cannot be read: exactly one wins',
  async (t, backend) => {
    const store = backend.store()
    const unreadable: [string, (name: string) => Promise<void>][] = [
      [
        'it lost its chunk',
        async (name) => backend.delete(`c:${(await store.put(`old ${name}`, { name })).hash}`),
      ],
      [
        'its record is wrong',
        async (name) => {
          await store.put('old', { name })
          await backend.flip(`n:${Digest.of(Buffer.from(name)).hex}`, 100)
        },
      ],
      [
        'it was deleted while it was produced',
        async (name) => {
          await store.fill(name, async () => {
            await store.delete(name)
            return { source: 'old', store: false }
          })
        },
      ],
    ]
    for (const [name, prepare] of unreadable) {
      await prepare(name)
      const contents = [1, 2, 3, 4, 5].map((index) => `${name}, new ${index}`)
      const results = await Promise.allSettled(
        contents.map((content) => store.put(content, { name, createOnly: true })),
      )
      const winners = contents.filter((_, index) => results[index]!.status === 'fulfilled')
      t.is(winners.length, 1, name)
      t.is(await (await store.get(name)).text(), winners[0]!)
    }
  },
)
