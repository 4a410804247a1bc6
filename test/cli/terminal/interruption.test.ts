import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { bytes } from '../../helpers/bytes.ts'
import { cliFor } from '../../helpers/cli.ts'
import { startTestServer } from '../../helpers/server.ts'

test('SIGINT during get leaves nothing behind', async (t) => {
  const server = await startTestServer(t)
  await server.store.put(bytes('interrupt', 3_000_000), { name: 'a' })
  const cli = await cliFor(t, server)
  // The body stops in the middle: the server never ends it.
  server.http.prependListener('request', (_req, res) => {
    const write = res.write.bind(res)
    let passed = 0
    res.write = ((piece: Buffer, ...rest: never[]) => {
      passed += piece.length
      return passed > 1_000_000 ? false : write(piece, ...rest)
    }) as typeof res.write
    res.end = (() => res) as typeof res.end
  })

  const { child, result } = cli.start(['get', 'a'])
  child.stdin.end()
  while ((await readdir(cli.folder)).length === 0) await sleep(20)
  child.kill('SIGINT')

  const { code, stderr } = await result
  t.is(code, 130, stderr)
  t.deepEqual(await readdir(cli.folder), [])
})

test('SIGINT during put leaves no name on the server', async (t) => {
  const server = await startTestServer(t)
  const cli = await cliFor(t, server)
  const request = once(server.http, 'request')
  const { child, result } = cli.start(['put', '-', '-n', 'a'])
  child.stdin.write(bytes('interrupt', 2_000_000))
  await request
  child.kill('SIGINT')

  t.is((await result).code, 130)
  await t.throwsAsync(server.store.get({ name: 'a' }), { code: 'not-found' })
})
