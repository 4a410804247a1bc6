import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { TOKEN } from './backend.ts'
import { run } from './run.ts'
import { clientScenarios } from './scenarios.ts'
import { npmTool } from './tools.ts'

clientScenarios({
  example: 'moon',
  tool: await npmTool('moon', '@moonrepo/cli@2'),
  outputs: ['greeting/dist/greeting.txt', 'greeting/dist/numbers.txt'],
  /** Outside of a repository moon caches nothing. */
  async prepare(cwd) {
    await run('git', ['init', '-q'], { cwd })
    await run('git', ['add', '.'], { cwd })
    const author = ['-c', 'user.name=test', '-c', 'user.email=test@localhost']
    await run('git', [...author, 'commit', '-q', '-m', 'Start'], { cwd })
  },
  async clean(workspace) {
    for (const path of ['.moon/cache', 'greeting/dist']) {
      await rm(join(workspace, path), { recursive: true, force: true })
    }
  },
  async build(cwd, url, { command }) {
    const settings = join(cwd, '.moon/workspace.yml')
    const text = await readFile(settings, 'utf8')
    await writeFile(settings, text.replace(/^ {2}host: .*$/m, `  host: '${url}'`))
    const env = { MOON_TOOLCHAIN_FORCE_GLOBALS: 'true', MOON_TOKEN: TOKEN }
    const log = await run(command, ['run', 'greeting:build'], { cwd, env })
    return { isHit: log.includes('cached from remote'), log }
  },
})
