import { memcached } from '../../src/engine/memcached/index.ts'
import { startMemcached } from '../helpers/memcached.ts'
import { contract } from './contract.ts'

/** A machine that is busy with others is no outage. */
const PATIENT = { timeoutMs: 10_000, connectTimeoutMs: 10_000 }

for (const socket of [false, true]) {
  contract(socket ? 'memcached on a unix socket' : 'memcached', async (t) => {
    const server = await startMemcached(t, { socket })
    return {
      engine: memcached(server.address, PATIENT),
      tamper: (key, value) => server.raw.set(key, value),
    }
  })
}
