import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import test from 'ava'
import { startMemcached } from '../helpers/memcached.ts'

const run = promisify(execFile)

test('the example of the library stores, reads, loses and heals a file', async (t) => {
  const cache = await startMemcached(t)
  const env = { ...process.env, MEMCACHE_SERVERS: cache.address }
  const args = ['--import=tsx', 'examples/library/share.ts', 'package-lock.json']
  const { stdout } = await run(process.execPath, args, { env })
  t.regex(stdout, /^stored \d+ bytes in \d+ chunks as [0-9a-f]{64}$/m)
  t.regex(stdout, /^read \d+ bytes, every one of them verified$/m)
  t.regex(stdout, /^lost: 1 of \d+ chunks are gone$/m)
  t.regex(stdout, /^healed: intact$/m)
})
