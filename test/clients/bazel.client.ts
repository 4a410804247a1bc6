import { readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Digest } from '../../src/index.ts'
import { withToken } from './backend.ts'
import { run } from './run.ts'
import { type Client, clientScenario, clientScenarios } from './scenarios.ts'
import { debianTool } from './tools.ts'

const tool = await debianTool('bazel', 'bazel-bootstrap')

/** Where Bazel unpacks itself, once for all workspaces. */
const ROOT = join(tmpdir(), 'blobcached-clients', 'bazel')

const bazel = (cwd: string, ...args: string[]) =>
  run('bazel', ['--nohome_rc', `--output_user_root=${ROOT}`, ...args], { cwd })

const client: Client = {
  example: 'bazel',
  tool,
  outputs: ['bazel-bin/greeting.txt', 'bazel-bin/numbers.txt', 'bazel-bin/checksum.txt'],
  async prepare(workspace, _tool, t) {
    t.teardown(() => bazel(workspace, 'clean', '--expunge'))
  },
  async clean(workspace) {
    await bazel(workspace, 'clean')
  },
  async build(cwd, url) {
    const log = await bazel(cwd, 'build', '//...', `--remote_cache=${withToken(url)}/bazel`)
    return { isHit: log.includes('2 remote cache hit'), log }
  },
}
clientScenarios(client)

clientScenario(client, 'an evicted output that was never downloaded', async (session) => {
  const { workspace, url, memcached } = session
  await session.build()
  const numbers = await readFile(join(workspace, 'bazel-bin/numbers.txt'))
  await memcached.raw.delete(`h:${Digest.of(numbers).hex}`)

  await bazel(workspace, 'clean')
  const rules = await readFile(join(workspace, 'BUILD'), 'utf8')
  await writeFile(join(workspace, 'BUILD'), rules.replace('sha256sum', 'sha512sum'))
  await bazel(
    workspace,
    'build',
    '//...',
    `--remote_cache=${withToken(url)}/bazel`,
    '--remote_download_minimal',
  )
})
