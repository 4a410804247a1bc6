import test from 'ava'
import { memcached } from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { cliFor } from '../../helpers/cli.ts'
import { startMemcached } from '../../helpers/memcached.ts'
import { startTestServer } from '../../helpers/server.ts'
import { until } from '../../helpers/watchdog.ts'

test('link gives content another name, from a name or a hash', async (t) => {
  const server = await startTestServer(t)
  const cli = await cliFor(t, server)
  const { hash } = await server.store.put('content', { name: 'a' })

  t.is((await cli.ok(['link', 'a', 'b/c'])).stdout, `${hash}  b/c\n`)
  await cli.ok(['link', hash, 'd', '--ttl', '1h', '--type', 'text/x-own'])

  t.is((await server.store.get({ name: 'b/c' })).hash, hash)
  t.like(await server.store.get({ name: 'd' }), { ttl: 3600, type: 'text/x-own' })
  const none = await cli.run(['link', 'nothing', 'e'])
  t.is(none.code, 3)
  t.is(none.stderr, 'blobcached: there is no file "nothing"\n')
  t.is((await cli.run(['repair', 'nothing'])).stderr, none.stderr)
})

test('missing prints what is not there, and exits with 3', async (t) => {
  const server = await startTestServer(t)
  const cli = await cliFor(t, server)
  const { hash } = await server.store.put('content')
  const other = 'f'.repeat(64)

  t.is((await cli.ok(['missing', hash])).stdout, '')
  const { code, stdout } = await cli.run(['missing', '--list', '-'], {
    input: `${hash}  a\n${other}  b\n`,
  })
  t.is(code, 3)
  t.is(stdout, `${other}  b\n`)
  const json = await cli.run(['missing', other, '--json'])
  t.deepEqual(JSON.parse(json.stdout), { hash: other })

  await server.store.put('content', { name: 'here' })
  const names = await cli.run(['missing', '--list', '-'], { input: 'here\nnot here\n' })
  t.is(names.code, 3)
  t.is(names.stdout, 'not here\n')
  await server.engine.delete(`c:${hash}`)
  t.is((await cli.run(['missing', 'here'])).stdout, `${hash}  here\n`)
})

test('repair writes copies again, and fleet shows the servers', async (t) => {
  const caches = await Promise.all([startMemcached(t), startMemcached(t)])
  const addresses = caches.map(({ address }) => address)
  const server = await startTestServer(t, { engine: memcached(addresses, { replicas: 2 }) })
  const cli = await cliFor(t, server)
  const { hash } = await server.store.put(bytes('repair', 3000), { name: 'a' })
  await caches[0]!.raw.delete(`c:${hash}`)

  const repaired = await cli.ok(['repair', 'a'])
  t.regex(repaired.stdout, /^a {2}intact: \d+ of \d+ copies were there, 1 written again\n$/)
  t.like(JSON.parse((await cli.ok(['repair', hash, '--json'])).stdout), {
    file: hash,
    state: 'intact',
  })

  const { stdout } = await cli.ok(['fleet'])
  for (const address of addresses) t.regex(stdout, new RegExp(`^${address} +up `, 'm'))
  await caches[1]!.stop()
  let down = await cli.run(['fleet'])
  // A look at the servers serves all who ask within a second.
  await until('the server to be down', async () => {
    down = await cli.run(['fleet'])
    return down.code !== 0
  })
  t.is(down.code, 5)
  t.regex(down.stdout, new RegExp(`^${addresses[1]} +down `, 'm'))
  t.is(JSON.parse((await cli.run(['fleet', '--json'])).stdout).servers.length, 2)
})
