import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { withToken } from './backend.ts'
import { run } from './run.ts'
import { clientScenarios } from './scenarios.ts'
import { debianTool } from './tools.ts'

const compiler = await debianTool('gcc', 'gcc', 'libc6-dev')
const tool = compiler.isMissing ? compiler : await debianTool('ccache', 'ccache')

/** Each way in which ccache can lay out its keys, and where the server takes them. */
const LAYOUTS = ['files/cc|layout=flat', 'files/cc|layout=subdirs', 'cc|layout=bazel']

for (const layout of LAYOUTS) {
  clientScenarios({
    example: 'ccache',
    variant: layout,
    tool,
    outputs: ['greeting.o'],
    async clean(workspace) {
      for (const path of ['.ccache', 'greeting.o']) {
        await rm(join(workspace, path), { recursive: true, force: true })
      }
    },
    async build(cwd, url) {
      const env = {
        CCACHE_DIR: join(cwd, '.ccache'),
        CCACHE_CONFIGPATH: '/dev/null',
        CCACHE_COMPILERCHECK: 'content',
        CCACHE_REMOTE_STORAGE: `${withToken(url)}/${layout}`,
      }
      const made = await run('ccache', ['gcc', '-c', 'greeting.c', '-o', 'greeting.o'], {
        cwd,
        env,
      })
      const stats = await run('ccache', ['--print-stats'], { cwd, env })
      return { isHit: /^remote_storage_hit\t1$/m.test(stats), log: made + stats }
    },
  })
}
