import test from 'ava'
import { Digest, memcached } from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { cliFor } from '../../helpers/cli.ts'
import { startMemcached } from '../../helpers/memcached.ts'
import { startTestServer } from '../../helpers/server.ts'

const chunkSize = 1000
const content = bytes('verify', 4500)
const keyAt = (start: number) => `c:${Digest.of(content.subarray(start, start + chunkSize)).hex}`

test('verify maps the chunks and exits with what is wrong; put --force heals', async (t) => {
  const cache = await startMemcached(t)
  const engine = memcached(cache.address)
  const server = await startTestServer(t, { engine, store: { chunkSize } })
  const cli = await cliFor(t, server)
  const { hash } = await server.store.put(content, { name: 'dir/a' })

  const intact = await cli.ok(['verify', 'dir/a'])
  t.is(
    intact.stdout,
    `dir/a  intact\n  ${hash}\n  ■■■■■\n  4.5 kB in 5 chunks: 5 intact, 0 evicted, 0 corrupt\n`,
  )
  await cache.raw.delete(keyAt(1000))
  const evicted = await cli.run(['verify', hash])
  t.is(evicted.code, 3)
  t.regex(evicted.stdout, /■□■■■/)
  t.is(evicted.stderr, '')

  await cache.raw.set(keyAt(3000), Buffer.from('wrong'))
  const corrupt = await cli.run(['verify', 'dir/a', '--json'])
  t.is(corrupt.code, 4)
  t.like(JSON.parse(corrupt.stdout), { file: 'dir/a', state: 'corrupt', counts: { corrupt: 1 } })

  await cli.ok(['put', '-', '-n', 'dir/a', '--force'], { input: content })
  t.is((await cli.ok(['verify', 'dir/a', '--quiet'])).stdout, '')
})

test('verify of several files sums up and exits with the worst', async (t) => {
  const server = await startTestServer(t, { store: { chunkSize } })
  const cli = await cliFor(t, server)
  await server.store.put('whole', { name: 'whole' })
  await server.store.put(content, { name: 'damaged' })
  await server.engine.set(keyAt(2000), Buffer.from('wrong'))

  const { code, stdout, stderr } = await cli.run(['verify', 'whole', 'nowhere', 'damaged'])
  t.is(code, 4)
  t.regex(stdout, /■■✗■■/)
  t.regex(stdout, /3 files: 1 intact, 0 evicted, 1 corrupt, 1 not found\n$/)
  t.regex(stderr, /no file "nowhere"/)
})
