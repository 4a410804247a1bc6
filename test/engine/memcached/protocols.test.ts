import test from 'ava'
import { memcached } from '../../../src/engine/memcached/index.ts'
import { deferred } from '../../helpers/deferred.ts'
import { startMemcached } from '../../helpers/memcached.ts'
import { hasTwemproxy, Twemproxy } from '../../helpers/twemproxy.ts'
import { contract } from '../contract.ts'

const PATIENT = { timeoutMs: 2000, connectTimeoutMs: 2000 }

for (const protocol of ['meta', 'text'] as const) {
  contract(`memcached over ${protocol}`, async (t) => {
    const server = await startMemcached(t)
    return {
      engine: memcached(server.address, { ...PATIENT, protocol }),
      tamper: (key, value) => server.raw.set(key, value),
    }
  })
}

if (hasTwemproxy) {
  const pool: Twemproxy[] = []
  test.before(async () => {
    for (let i = 0; i < 4; i++) pool.push(await Twemproxy.launch())
  })
  test.after.always(() => Promise.all(pool.map((each) => each.dispose())))
  let lent = 0
  const turns = new Map<Twemproxy, Promise<void>>()
  contract('three memcacheds behind twemproxy', async (t) => {
    const proxy = pool[lent++ % pool.length]!
    const { promise, resolve } = deferred()
    const before = turns.get(proxy)
    turns.set(proxy, promise)
    await before
    t.teardown(resolve)
    await Promise.all(proxy.servers.map(({ raw }) => raw.flush()))
    return { engine: memcached(proxy.address, PATIENT), isMute: true }
  })
} else {
  test.skip('three memcacheds behind twemproxy: the contract', () => {})
}
