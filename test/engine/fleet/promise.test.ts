import test, { type ExecutionContext } from 'ava'
import { Placement } from '../../../src/engine/fleet/placement.ts'
import {
  Digest,
  type FileStore,
  InvalidArgumentError,
  memcached,
  NotFoundError,
  UnavailableError,
} from '../../../src/index.ts'
import { deferred } from '../../helpers/deferred.ts'
import type { Memcached } from '../../helpers/memcached.ts'
import { connect, holders, startFleet, until } from './harness.ts'

const keyOf = (name: string) => `n:${Digest.of(Buffer.from(name)).hex}`
const NAME = 'name'

/** Servers of the name, best first. */
function ranked(servers: readonly Memcached[]): Memcached[] {
  const placement = new Placement(servers.map(({ address }) => ({ name: address, weight: 1 })))
  return placement
    .rank(keyOf(NAME))
    .map(({ name }) => servers.find(({ address }) => address === name)!)
}

/** What the name leads to, for each of the stores, several times. */
async function reads(stores: readonly FileStore[]): Promise<Set<string>> {
  const seen = new Set<string>()
  for (let round = 0; round < 8; round++) {
    for (const store of stores) seen.add(await contentOf(store))
  }
  return seen
}

async function contentOf(store: FileStore): Promise<string> {
  try {
    return (await store.find(NAME)).attributes.content!
  } catch (error) {
    if (error instanceof NotFoundError) return 'none'
    throw error
  }
}

const put = (store: FileStore, content: string) =>
  store.put(Buffer.from('x'), { name: NAME, attributes: { content } })

interface Fleet {
  line: Memcached[]
  writer: FileStore
  /** Has read nothing and seen no outage. */
  stranger: () => FileStore
}

async function fleetOf(t: ExecutionContext, count: number, replicas: number): Promise<Fleet> {
  const options = { replicas, timeoutMs: 1000, connectTimeoutMs: 1000 }
  const { servers, store } = await startFleet(t, count, options)
  return {
    line: ranked(servers),
    writer: store,
    stranger: () => connect(t, servers, options).store,
  }
}

const writes = {
  replaced: { write: (store: FileStore) => put(store, 'new'), left: 'new' },
  deleted: { write: (store: FileStore) => store.delete(NAME), left: 'none' },
}

for (const [what, { write, left }] of Object.entries(writes)) {
  test(`what is ${what} while two of its three servers are frozen stays so when they are back`, async (t) => {
    const { line, writer, stranger } = await fleetOf(t, 5, 2)
    const bystander = stranger()
    await put(writer, 'old')
    t.is(await contentOf(bystander), 'old')
    for (const server of line.slice(0, 2)) server.freeze()
    await write(writer)
    for (const server of line.slice(0, 2)) server.thaw()
    t.deepEqual(await reads([writer, bystander, stranger()]), new Set([left]))
    await until('all have the newer one', async () => {
      const records = await Promise.all(line.slice(0, 3).map(({ raw }) => raw.get(keyOf(NAME))))
      return records.every((record) => record?.equals(records[2]!))
    })
  })

  test(`what is ${what} stays so although the third one is restarted meanwhile`, async (t) => {
    const { line, writer, stranger } = await fleetOf(t, 5, 2)
    const bystander = stranger()
    await put(writer, 'old')
    t.is(await contentOf(bystander), 'old')
    for (const server of line.slice(0, 2)) server.freeze()
    await write(writer)
    await line[2]!.restart()
    for (const server of line.slice(0, 2)) server.thaw()
    t.deepEqual(await reads([bystander, stranger(), writer]), new Set([left]))
  })

  test(`one copy: what cannot be ${what} for good is unavailable, and nothing changes`, async (t) => {
    const { line, writer, stranger } = await fleetOf(t, 5, 1)
    await put(writer, 'old')
    for (const server of line.slice(0, 2)) server.freeze()
    await t.throwsAsync(write(writer), { instanceOf: UnavailableError })
    for (const server of line.slice(0, 2)) server.thaw()
    await until('it is written again', () =>
      write(writer).then(
        () => true,
        () => false,
      ),
    )
    t.deepEqual(await reads([writer, stranger()]), new Set([left]))
  })

  test(`two servers: what is ${what} while one is frozen is not undone when the other one freezes`, async (t) => {
    const { line, writer } = await fleetOf(t, 2, 1)
    await put(writer, 'old')
    line[0]!.freeze()
    await write(writer)
    line[0]!.thaw()
    await until('both have the newer one', async () => {
      const [one, other] = await Promise.all(line.map(({ raw }) => raw.get(keyOf(NAME))))
      return one!.equals(other!)
    })
    line[1]!.freeze()
    const read = contentOf(writer)
    t.is(await read, left)
    line[1]!.thaw()
  })
}

test('what a process has seen is never hidden by what is older, even if nothing else is left', async (t) => {
  const { line, writer } = await fleetOf(t, 3, 1)
  await put(writer, 'old')
  const [first, second, third] = line
  const old = (await first!.raw.get(keyOf(NAME)))!
  await put(writer, 'new')
  for (const { raw } of [first!, second!]) await raw.set(keyOf(NAME), old)
  t.is(await contentOf(writer), 'none', 'evicted everywhere, as a cache may')
  third!.freeze()
  await t.throwsAsync(contentOf(writer), { instanceOf: UnavailableError })
  third!.thaw()
})

test('a write that a server gets to late undoes no newer one', async (t) => {
  const { line, writer, stranger } = await fleetOf(t, 3, 2)
  await put(writer, 'old')
  const [late] = line
  // It takes the request into its buffer, and reads it when others have been there.
  late!.freeze()
  await put(writer, 'late')
  late!.thaw()
  const others = [stranger(), stranger(), stranger()]
  for (const [i, store] of others.entries()) {
    await put(store, `newer ${i}`)
    t.deepEqual(await reads([writer, ...others]), new Set([`newer ${i}`]))
  }
})

test.serial(
  'of two writes in one millisecond, and of clocks that disagree, the later one counts',
  async (t) => {
    const { writer, stranger } = await fleetOf(t, 3, 2)
    const other = stranger()
    const now = Date.now
    t.teardown(() => {
      Date.now = now
    })
    for (let i = 0; i < 20; i++) {
      Date.now = () => now() - 60_000 * i
      await put(i % 2 === 0 ? writer : other, `${i}`)
      t.deepEqual(await reads([writer, other]), new Set([`${i}`]))
    }
    t.true(await other.delete(NAME))
    t.deepEqual(await reads([writer, other]), new Set(['none']))
  },
)

test('the operator may have writes go on while a single server answers', async (t) => {
  const { servers } = await startFleet(t, 5, { replicas: 2, timeoutMs: 1000 })
  const line = ranked(servers)
  for (const server of line.slice(0, 4)) await server.stop('SIGKILL')
  const strict = connect(t, servers, { replicas: 2, timeoutMs: 1000 })
  const lax = connect(t, servers, { replicas: 2, timeoutMs: 1000, writeQuorum: 1 })
  await until('the dead servers are known', async () => {
    const stats = [...(await strict.engine.stats()), ...(await lax.engine.stats())]
    return stats.filter(({ up }) => !up).length === 8
  })
  await t.throwsAsync(put(strict.store, 'content'), { instanceOf: UnavailableError })
  await t.notThrowsAsync(put(lax.store, 'content'))
  t.is(await contentOf(lax.store), 'content')
})

test('a write quorum is from 1 to the copies that there are', async (t) => {
  for (const writeQuorum of [0, 4, 1.5]) {
    t.throws(() => memcached('a,b,c', { replicas: 2, writeQuorum }), {
      instanceOf: InvalidArgumentError,
    })
  }
  await memcached('a,b,c', { replicas: 2, writeQuorum: 3 }).close()
})

for (const replicas of [1, 2]) {
  test(`${replicas} copies: a new name is stored without a look, and one of another client is replaced`, async (t) => {
    const { servers, engine, store } = await startFleet(t, 3, { replicas })
    const { store: other } = connect(t, servers, { replicas })
    let looks = 0
    engine.observe({ operation: (_server, operation) => operation === 'get' && looks++ })
    t.true((await store.put(Buffer.from('one'), { name: 'new' })).created)
    t.is(looks, 0)
    t.true((await other.put(Buffer.from('two'), { name: 'of another' })).created)
    t.false((await store.put(Buffer.from('three'), { name: 'of another' })).created)
    // Copies of the first half of a write are no predecessors of the second.
    await other.put(Buffer.from('four'), { name: 'half' })
    const [first] = await holders(servers, keyOf('half'))
    await first!.raw.delete(keyOf('half'))
    t.false((await store.put(Buffer.from('five'), { name: 'half' })).created)
    for (const [name, text] of [
      ['new', 'one'],
      ['of another', 'three'],
      ['half', 'five'],
    ]) {
      for (const each of [store, other]) t.is(String(await (await each.find(name!)).bytes()), text!)
    }
  })
}

test('a fill that an upload has overtaken puts nothing in the place of a copy that was lost', async (t) => {
  const { line, writer, stranger } = await fleetOf(t, 3, 2)
  const gate = deferred()
  const isProduced = deferred()
  const filled = stranger().getOrPut(NAME, async () => {
    isProduced.resolve()
    await gate.promise
    return { source: 'old', attributes: { content: 'old' } }
  })
  await isProduced.promise
  await put(writer, 'new')
  t.true(await line[0]!.raw.delete(keyOf(NAME)))
  gate.resolve()
  t.is((await filled).attributes.content, 'new')
  t.deepEqual(await reads([writer, stranger(), stranger()]), new Set(['new']))
})
