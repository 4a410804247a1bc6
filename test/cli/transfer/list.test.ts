import { writeFile } from 'node:fs/promises'
import test from 'ava'
import { cliFor } from '../../helpers/cli.ts'
import { startTestServer } from '../../helpers/server.ts'

test('a list may begin with a byte order mark', async (t) => {
  const server = await startTestServer(t)
  const cli = await cliFor(t, server)
  const { hash } = await server.store.put('content', { name: 'a' })
  await writeFile(cli.path('SUMS'), `\ufeff${hash}  a\n`)

  t.is((await cli.ok(['get', '--list', 'SUMS'])).stdout, `${hash}  a\n`)
})

test('what cannot be read as a list is named', async (t) => {
  const cli = await cliFor(t, { url: 'http://127.0.0.1:1' })
  const { code, stderr } = await cli.run(['get', '--list', '.'])
  t.is(code, 1)
  t.is(stderr, 'blobcached: .: illegal operation on a directory\n')
})
