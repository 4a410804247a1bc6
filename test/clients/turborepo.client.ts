import { rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { TOKEN } from './backend.ts'
import { run } from './run.ts'
import { clientScenarios } from './scenarios.ts'
import { npmTool } from './tools.ts'

clientScenarios({
  example: 'turborepo',
  tool: await npmTool('turbo', 'turbo@2'),
  outputs: ['packages/greeting/dist/greeting.txt', 'packages/greeting/dist/numbers.txt'],
  async prepare(workspace, { nodeModules }) {
    await symlink(nodeModules!, join(workspace, 'node_modules'))
  },
  async clean(workspace) {
    for (const path of ['.turbo', 'packages/greeting/.turbo', 'packages/greeting/dist']) {
      await rm(join(workspace, path), { recursive: true, force: true })
    }
  },
  async build(cwd, url, { command }) {
    const env = {
      TURBO_API: url,
      TURBO_TOKEN: TOKEN,
      TURBO_TEAM: 'team',
      TURBO_TELEMETRY_DISABLED: '1',
    }
    const log = await run(command, ['run', 'build', '--cache=remote:rw'], { cwd, env })
    return { isHit: /Cached: +1 cached, 1 total/.test(log), log }
  },
})
