import { writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { bytes } from '../../helpers/bytes.ts'
import { cliFor } from '../../helpers/cli.ts'
import { ask } from '../../helpers/http.ts'
import { startMemcached } from '../../helpers/memcached.ts'
import { startOrigin } from '../../helpers/origin.ts'
import { startServe } from '../../helpers/serve.ts'
import { watched } from '../../helpers/watchdog.ts'

test('two servers of two workers each ask the origin 50 times for 500 clients of 50 names', async (t) => {
  const { address } = await startMemcached(t)
  const double = await startOrigin(t)
  const contents = Array.from({ length: 50 }, (_, index) => bytes(index, 20_000 * index))
  for (const [index, content] of contents.entries()) {
    double.on(`${index}`, async (_, res) => {
      await sleep(100)
      res.end(content)
    })
  }
  const flags = ['--memcached', address, '--memcached-timeout', '10000', '--workers', '2']
  const start = () => startServe(t, [...flags, '--origin', double.url])
  const servers = await Promise.all([start(), start()])
  const clients = Array.from({ length: 500 }, async (_, client) => {
    const index = client % 50
    const { url } = servers[client % 3 === 0 ? 0 : 1]!
    const { status, body } = await ask(`${url}/files/${index}`)
    return status === 200 && body.equals(contents[index]!)
  })
  const rights = await watched('all answers', Promise.all(clients), 60_000)
  t.is(rights.filter((isRight) => isRight).length, 500)
  t.is(double.received.length, 50)
})

test('credentials of the origin come from a file, and are sent to it alone', async (t) => {
  const double = await startOrigin(t)
  double.file('f', 'content')
  const cli = await cliFor(t, { url: '' })
  await writeFile(cli.path('authorization'), 'Bearer hush-hush\n')
  const file = cli.path('authorization')
  const serving = await startServe(t, ['--origin', double.url, '--origin-authorization-file', file])
  t.is((await ask(`${serving.url}/files/f`)).text, 'content')
  t.is(double.received[0]!.headers.authorization, 'Bearer hush-hush')
  serving.signal('SIGTERM')
  const { stdout, stderr } = await serving.result
  t.notRegex(stdout + stderr, /hush-hush/)
  t.regex(stdout, /"cache":"filled"/)
})
