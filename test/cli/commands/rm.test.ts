import test from 'ava'
import { cliFor } from '../../helpers/cli.ts'
import { startTestServer } from '../../helpers/server.ts'

test('rm removes names and content, and says what was not there', async (t) => {
  const server = await startTestServer(t)
  const cli = await cliFor(t, server)
  const { hash } = await server.store.put('content', { name: 'a' })

  t.is((await cli.ok(['rm', 'a'])).stdout, 'a\n')
  t.is((await cli.run(['rm', 'a'])).code, 3)
  t.is((await cli.ok(['rm', 'a', '--force', '--json'])).stdout, '{"file":"a","removed":false}\n')
  t.true(await server.store.isReadable(hash))
  await cli.ok(['rm', hash, '--purge'])
  t.is(await server.engine.touch(`c:${hash}`, 0), false)
})
