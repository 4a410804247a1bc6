import { execFile, spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import test from 'ava'
import { serveCommand } from '../../src/cli/commands/serve.ts'

const run = promisify(execFile)
const unit = await readFile(
  new URL('../../deploy/systemd/blobcached.service', import.meta.url),
  'utf8',
)

const isHere = spawnSync('systemd-analyze', ['--version']).status === 0
if (!isHere) {
  console.error(
    'SKIPPED: the systemd unit. It needs systemd-analyze (Debian: apt-get install systemd).',
  )
}
const testIf = isHere ? test : test.skip

testIf('systemd finds nothing wrong with the unit, and calls it well confined', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'blobcached-unit-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const file = join(folder, 'blobcached.service')
  // The command has to be there.
  await writeFile(file, unit.replace('/usr/local/bin/blobcached', process.execPath))
  const { stdout, stderr } = await run('systemd-analyze', ['verify', '--man=no', file])
  t.is(stdout + stderr, '')
  // Rejects from an exposure of 2.0 of 10 on.
  const security = ['security', '--offline=true', '--no-pager', '--threshold=20', file]
  await t.notThrowsAsync(run('systemd-analyze', security))
})

test('every setting in the unit is one, and systemd waits for the server to drain', (t) => {
  const { options } = serveCommand()
  const variables = new Set(options.map(({ envVar }) => envVar))
  for (const [name] of unit.matchAll(/BLOBCACHED_[A-Z_]+/g)) t.true(variables.has(name), name)
  const drain = options.find(({ long }) => long === '--drain')!.defaultValue
  t.true(Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)![1]) > Number(drain))
})
