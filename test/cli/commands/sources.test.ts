import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import test from 'ava'
import { bytes } from '../../helpers/bytes.ts'
import { COMMAND, cliFor } from '../../helpers/cli.ts'
import { startTestServer } from '../../helpers/server.ts'

const run = promisify(execFile)

test('put reads what has no true size to its end: /proc, a fifo, /dev/stdin, a device', async (t) => {
  const server = await startTestServer(t)
  const cli = await cliFor(t, server)
  const content = bytes('fifo', 300_000)
  await writeFile(cli.path('content'), content)
  const stored = async (name: string) => (await server.store.get({ name })).bytes()

  await cli.ok(['put', '/proc/version', '/dev/null'])
  t.deepEqual(await stored('version'), await readFile('/proc/version'))
  t.is((await stored('null')).length, 0)

  const script = 'mkfifo fifo && (cat content > fifo &) && exec "$@"'
  const fifo = ['-c', script, '-', process.execPath, ...COMMAND, 'put', 'fifo']
  await run('sh', fifo, { cwd: cli.folder, env: { ...process.env, BLOBCACHED_SERVER: server.url } })
  t.true((await stored('fifo')).equals(content))

  await cli.ok(['put', '/dev/stdin'], { input: content })
  t.true((await stored('stdin')).equals(content))
})

test('put takes a file that has fewer bytes than its size says', async (t) => {
  const sysfs = '/sys/kernel/mm/transparent_hugepage/enabled'
  const text = await readFile(sysfs).catch(() => undefined)
  const server = await startTestServer(t)
  const cli = await cliFor(t, server)
  if (text === undefined) return t.pass('there is no such file here')
  await cli.ok(['put', sysfs])
  t.deepEqual(await (await server.store.get({ name: 'enabled' })).bytes(), text)
})
