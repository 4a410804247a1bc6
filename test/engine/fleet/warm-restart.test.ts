import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { FileStore, type FileStoreOptions, memcached, NotFoundError } from '../../../src/index.ts'
import { type Memcached, startMemcached } from '../../helpers/memcached.ts'
import { connect, until } from './harness.ts'

/** A folder in memory, where memcached wants the file that it keeps what it has in. */
const SHARED = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

/** Memcacheds that keep what they have when they are stopped with SIGUSR1. */
async function startWarm(t: ExecutionContext, count: number): Promise<Memcached[]> {
  const folder = await mkdtemp(join(SHARED, 'blobcached-test-'))
  t.teardown(() => rm(folder, { recursive: true }))
  return Promise.all(
    Array.from({ length: count }, (_, index) =>
      startMemcached(t, { memoryMb: 64, args: ['-e', join(folder, String(index))] }),
    ),
  )
}

/** Memcached begins anew where it was stopped within the same second, by its clock. */
async function startAgain(server: Memcached): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 1500))
  await server.start()
}

async function contentOf(store: FileStore, name: string): Promise<string> {
  try {
    return await (await store.find(name)).text()
  } catch (error) {
    if (error instanceof NotFoundError) return 'none'
    throw error
  }
}

const NAMES = Array.from({ length: 24 }, (_, index) => `name ${index}`)
/** What becomes of each name while a server is down. */
const contentAfter = (index: number) => (index % 2 === 0 ? 'new' : 'none')

for (const replicas of [1, 2]) {
  for (const isWriterGone of [false, true]) {
    const who = isWriterGone ? 'although the blobcached that wrote is gone' : 'for any blobcached'
    test(`with ${replicas} copies, what a server has from before it was down is not served, ${who}`, async (t) => {
      const servers = await startWarm(t, 3)
      const quick = { replicas, timeoutMs: 2000, connectTimeoutMs: 2000 }
      const writer = connect(t, servers, quick)
      // Where the writer is there to bring each what it missed, one after the other.
      for (const server of isWriterGone ? servers.slice(0, 1) : servers) {
        for (const name of NAMES) await writer.store.put('old', { name })
        await server.raw.set('marker', Buffer.from('x'))
        await server.stop('SIGUSR1')
        for (const [index, name] of NAMES.entries()) {
          if (contentAfter(index) === 'none') await writer.store.delete({ name })
          else await writer.store.put(contentAfter(index), { name })
        }
        if (isWriterGone) await writer.store.close()
        await startAgain(server)
        t.deepEqual(await server.raw.get('marker'), Buffer.from('x'), 'it has what it had')
        const { store: stranger } = connect(t, servers, quick)
        const expectNew = async (stores: readonly FileStore[]) => {
          for (const [index, name] of NAMES.entries()) {
            for (const store of stores) t.is(await contentOf(store, name), contentAfter(index))
          }
        }
        if (isWriterGone) {
          await expectNew([stranger, stranger])
          continue
        }
        await expectNew([stranger, writer.store])
        await until('all to be used', async () =>
          (await writer.engine.stats()).every(({ up }) => up),
        )
        await expectNew([stranger, writer.store])
      }
    })
  }
}

test('what one memcached has from before it was down is what it had, and it ends in time', async (t) => {
  const [server] = await startWarm(t, 1)
  const open = (options?: FileStoreOptions) => {
    const engine = memcached(server!.address, { timeoutMs: 4000, connectTimeoutMs: 4000 })
    const store = new FileStore(engine, options)
    t.teardown(() => store.close())
    return store
  }
  const store = open()
  await store.put('kept', { name: 'kept' })
  await store.put('short', { name: 'short', ttl: 1 })
  await server!.stop('SIGUSR1')
  await t.throwsAsync(store.delete({ name: 'kept' }), { code: 'unavailable' })
  await startAgain(server!)
  const stranger = open()
  for (const each of [store, stranger]) {
    await until('it answers', () =>
      each.engine.ping().then(
        () => true,
        () => false,
      ),
    )
    t.is(await contentOf(each, 'kept'), 'kept')
    t.is(await contentOf(each, 'short'), 'none')
  }
})
