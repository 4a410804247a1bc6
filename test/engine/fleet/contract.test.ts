import { memcached } from '../../../src/engine/memcached/index.ts'
import { memcachedPool } from '../../helpers/memcached-pool.ts'
import { contract } from '../contract.ts'

const lend = memcachedPool(4, 3)

for (const replicas of [1, 2, 3]) {
  contract(`a fleet of three, ${replicas} copies`, async (t) => {
    const servers = await lend(t)
    const addresses = servers.map(({ address }) => address)
    return {
      engine: memcached(addresses, { replicas, timeoutMs: 2000, connectTimeoutMs: 2000 }),
      tamper: async (key, value) => {
        for (const { raw } of servers) if (await raw.get(key)) await raw.set(key, value)
      },
      servers: 3,
    }
  })
}
