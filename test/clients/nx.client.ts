import { rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { TOKEN } from './backend.ts'
import { run } from './run.ts'
import { clientScenarios } from './scenarios.ts'
import { npmTool } from './tools.ts'

const LOCAL = ['.nx/cache', '.nx/data', 'packages/greeting/dist']

clientScenarios({
  example: 'nx',
  tool: await npmTool('nx', 'nx@24'),
  outputs: ['packages/greeting/dist/greeting.txt', 'packages/greeting/dist/numbers.txt'],
  async prepare(workspace, { nodeModules }) {
    await symlink(nodeModules!, join(workspace, 'node_modules'))
  },
  async clean(workspace) {
    for (const path of LOCAL) await rm(join(workspace, path), { recursive: true, force: true })
  },
  async build(cwd, url, { command }) {
    const env = {
      NX_SELF_HOSTED_REMOTE_CACHE_SERVER: url,
      NX_SELF_HOSTED_REMOTE_CACHE_ACCESS_TOKEN: TOKEN,
      NX_CACHE_DIRECTORY: join(cwd, LOCAL[0]!),
      NX_WORKSPACE_DATA_DIRECTORY: join(cwd, LOCAL[1]!),
      NX_DAEMON: 'false',
      NX_NO_CLOUD: 'true',
      NX_TUI: 'false',
      CI: '1',
    }
    const log = await run(command, ['run-many', '-t', 'build'], { cwd, env })
    return { isHit: log.includes('[remote cache]'), log }
  },
})
