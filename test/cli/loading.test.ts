import { writeFile } from 'node:fs/promises'
import test, { type ExecutionContext } from 'ava'
import { cliFor } from '../helpers/cli.ts'
import { startTestServer } from '../helpers/server.ts'

/** A module that prints the URL of each module that the process loads to standard error. */
const TELL_LOADS = `data:text/javascript,${encodeURIComponent(`
import { register } from 'node:module'
const hooks = \`
import { writeSync } from 'node:fs'
export async function load(url, context, next) {
  if (!url.startsWith('node:')) writeSync(2, url + '\\\\n')
  return next(url, context)
}\`
register('data:text/javascript,' + encodeURIComponent(hooks))
`)}`

/** What compiles the sources where there is no build of them. */
const FROM_SOURCES = new Set(['tsx', 'esbuild'])

/** The modules that a command loads, ours as paths below the sources, packages by name. */
async function loadedBy(t: ExecutionContext, args: readonly string[]) {
  const server = await startTestServer(t)
  const cli = await cliFor(t, server)
  await writeFile(cli.path('a'), 'content')
  const env = { NODE_OPTIONS: `--import=${TELL_LOADS}` }
  const { stderr } = await cli.ok(args, { env })
  const urls = stderr.split('\n').filter((line) => line.startsWith('file:'))
  const modules = urls.map((url) => {
    const [, name] = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url) ?? []
    return name ?? /\/(?:dist|src)\/(.*)\.[jt]s$/.exec(url)?.[1] ?? url
  })
  return new Set(modules.filter((module) => !FROM_SOURCES.has(module)))
}

test('put loads no engine, no store, no server and nothing that they need', async (t) => {
  const loaded = await loadedBy(t, ['put', 'a'])
  const ours = [...loaded].filter((module) => module.includes('/') && !module.startsWith('@'))
  t.true(loaded.has('cli/commands/put') && loaded.has('api/paths') && loaded.has('undici'))
  t.deepEqual(
    ours.filter((module) => !/^(api|cli)\//.test(module) || module.startsWith('cli/serve/')),
    [],
  )
  const heavy = ['index', 'koa', 'koa-body', 'memjs', 'pino', 'prom-client', 'log-update']
  t.deepEqual(
    heavy.filter((name) => loaded.has(name)),
    [],
  )
})

test('--version loads no command and no package but commander and picocolors', async (t) => {
  const loaded = await loadedBy(t, ['--version'])
  const rest = [...loaded].filter((module) => !/^(api|cli\/client)\//.test(module))
  t.deepEqual(rest.sort(), [
    ...['cli/exit-codes', 'cli/main', 'cli/terminal/colors', 'cli/terminal/interruption'],
    ...['commander', 'errors', 'picocolors'],
  ])
})
