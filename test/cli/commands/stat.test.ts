import test from 'ava'
import { Digest } from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { cliFor } from '../../helpers/cli.ts'
import { startTestServer } from '../../helpers/server.ts'

test('stat tells what a file is, and evicted from missing', async (t) => {
  const server = await startTestServer(t, { store: { chunkSize: 1000 } })
  const cli = await cliFor(t, server)
  const content = bytes('stat', 4500)
  const { hash } = await server.store.put(content, { name: 'a', type: 'text/plain' })

  const facts = JSON.parse((await cli.ok(['stat', 'a', '--json'])).stdout)
  t.like(facts, { name: 'a', hash, size: 4500, chunks: 5, chunkSize: 1000, state: 'present' })
  t.is(facts.type, 'text/plain')
  t.regex((await cli.ok(['stat', hash])).stdout, /size: +4,500 bytes \(4\.5 kB\)/)

  await server.engine.delete(`c:${Digest.of(content.subarray(1000, 2000)).hex}`)
  const evicted = await cli.run(['stat', 'a'])
  t.is(evicted.code, 3)
  t.regex(evicted.stdout, /evicted: not all chunks are there/)
  const missing = await cli.run(['stat', 'b'])
  t.is(missing.code, 3)
  t.is(missing.stdout, '')
})

test('stat of what is not there says so, by name and by hash', async (t) => {
  const server = await startTestServer(t)
  const cli = await cliFor(t, server)
  for (const ref of ['nothing', 'f'.repeat(64)]) {
    const { code, stderr } = await cli.run(['stat', ref])
    t.is(code, 3)
    t.regex(stderr, /there is no (file "nothing"|content f{64})/)
  }
})
