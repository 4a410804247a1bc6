import { mkdir, writeFile } from 'node:fs/promises'
import test from 'ava'
import { bytes } from '../../helpers/bytes.ts'
import { cliFor } from '../../helpers/cli.ts'
import { startTestServer } from '../../helpers/server.ts'

const FULL = '/dev/full'

test('what does not arrive at standard output fails the command, with its path', async (t) => {
  const server = await startTestServer(t)
  const cli = await cliFor(t, server)
  await mkdir(cli.path('site'))
  for (const name of ['a', 'b', 'c']) await writeFile(cli.path('site', name), name)
  await server.store.put(bytes('full', 900_000), { name: 'large' })

  const commands = [
    ['put', '-r', 'site'],
    ['put', '-r', 'site', '--json'],
    ['get', 'large', '-o', '-'],
    ['verify', 'large'],
    ['completion', 'bash'],
    ['--version'],
    ['put', '--help'],
  ]
  for (const args of commands) {
    const { code, stderr } = await cli.run(args, { output: FULL })
    t.is(code, 1, args.join(' '))
    t.is(stderr, 'blobcached: /dev/full: no space left on device\n', args.join(' '))
  }
})

test('get to a full device says so and exits with 1', async (t) => {
  const server = await startTestServer(t)
  const cli = await cliFor(t, server)
  await server.store.put('content', { name: 'a' })
  const { code, stdout, stderr } = await cli.run(['get', 'a', '-o', FULL])
  t.is(code, 1)
  t.is(stdout, '')
  t.is(stderr, 'blobcached: /dev/full: no space left on device\n')
})
