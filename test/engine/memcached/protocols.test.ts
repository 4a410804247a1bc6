import test from 'ava'
import { memcached } from '../../../src/engine/memcached/index.ts'
import { startMemcached } from '../../helpers/memcached.ts'
import { hasTwemproxy, startTwemproxy } from '../../helpers/twemproxy.ts'
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
  contract('three memcacheds behind twemproxy', async (t) => {
    const { address } = await startTwemproxy(t)
    return { engine: memcached(address, PATIENT), isMute: true }
  })
} else {
  test.skip('three memcacheds behind twemproxy: the contract', () => {})
}
