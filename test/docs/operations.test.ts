import { readFileSync } from 'node:fs'
import test from 'ava'
import { REASONS } from '../../src/api/reasons.ts'
import { serveCommand } from '../../src/cli/commands/serve.ts'
import { ask } from '../helpers/http.ts'
import { KeptLog } from '../helpers/kept-log.ts'
import { startTestServer } from '../helpers/server.ts'

const text = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8')
const compose = readFileSync(new URL('../../docker-compose.yml', import.meta.url), 'utf8')

test('every metric that the page names is there', async (t) => {
  const { url } = await startTestServer(t)
  const metrics = (await ask(`${url}/metrics`)).text
  const names = new Set(text.match(/blobcached_[a-z_]*[a-z]/g))
  t.true(names.size > 10)
  for (const name of names) t.regex(metrics, new RegExp(`^# TYPE ${name}`, 'm'), name)
})

test('every field of a line of the log is named', async (t) => {
  const logger = new KeptLog()
  const { url } = await startTestServer(t, { logger })
  await ask(`${url}/files/none`)
  const { level: _, ...fields } = await logger.line()
  for (const name of Object.keys(fields)) t.true(text.includes(`\`${name}\``), name)
})

test('every reason is explained', (t) => {
  for (const reason of Object.keys(REASONS)) t.true(text.includes(`\`${reason}\``), reason)
})

test('every setting that the page and docker-compose.yml name is one', (t) => {
  const { options } = serveCommand()
  const flags = new Set(options.map(({ long }) => long))
  for (const [, flag] of text.matchAll(/`(--[a-z-]+)/g)) t.true(flags.has(flag!), flag)
  const variables = new Set(options.map(({ envVar }) => envVar))
  for (const [name] of `${text}${compose}`.matchAll(/BLOBCACHED_[A-Z_]+/g)) {
    t.true(variables.has(name), name)
  }
})

for (const page of ['http', 'origin']) {
  test(`the defaults in the table of settings of docs/${page}.md are those of the help`, (t) => {
    const { options } = serveCommand()
    const rows = readFileSync(new URL(`../../docs/${page}.md`, import.meta.url), 'utf8').matchAll(
      /^\| `(--[a-z-]+)` \| (\d[^|]*) \|/gm,
    )
    let count = 0
    for (const [, flag, cell] of rows) {
      const option = options.find(({ long }) => long === flag)
      const { defaultValueDescription, defaultValue, description = '' } = option ?? {}
      const told =
        defaultValueDescription ?? defaultValue ?? /default: (\d[^)]*)\)/.exec(description)?.[1]
      if (option !== undefined && told === undefined) continue // In words.
      t.is(cell!.replace(/[ ,]/g, ''), String(told), flag)
      count++
    }
    t.true(count > 5)
  })
}
