import { execFile, spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import test from 'ava'
import { REASONS } from '../../src/api/reasons.ts'
import { createApp } from '../../src/http/index.ts'
import { FileStore, memory } from '../../src/index.ts'
import { bytes } from '../helpers/bytes.ts'
import { startTestServer } from '../helpers/server.ts'

const SERVER = 'http://127.0.0.1:8080'
const page = await readFile(new URL('../../docs/http.md', import.meta.url), 'utf8')

/** The lines of all shell blocks, in order. */
const lines = [...page.matchAll(/^```sh\n(.*?)^```/gms)].flatMap(([, block]) =>
  block!.split('\n').filter((line) => line !== ''),
)

// Skipped without curl, which CI has.
const canTry = ['curl', 'openssl', 'bash'].every(
  (tool) => spawnSync(tool, ['--version']).error === undefined,
)
const testWithCurl = canTry ? test : test.skip

testWithCurl('each line of docs/http.md ends with the status that stands beside it', async (t) => {
  const { url } = await startTestServer(t)
  const folder = await mkdtemp(join(tmpdir(), 'blobcached-test-'))
  t.teardown(() => rm(folder, { recursive: true }))
  await writeFile(join(folder, 'report.pdf'), bytes('report', 1_200_000))
  await writeFile(join(folder, 'notes.txt'), 'notes')
  await writeFile(join(folder, 'empty.txt'), '')
  await writeFile(join(folder, '.curlrc'), 'silent\nwrite-out = "%{stderr}%{http_code}\\n"\n')

  const script = lines.join('\n').replaceAll(SERVER, url)
  const { stderr } = await promisify(execFile)('bash', ['-euc', script], {
    cwd: folder,
    env: { ...process.env, CURL_HOME: folder },
    encoding: 'buffer',
    maxBuffer: 64 * 1024 * 1024,
  })

  const curls = lines.filter((line) => line.startsWith('curl '))
  const documented = curls.map((line) => /# (\d{3})$/.exec(line)?.[1])
  t.true(curls.length > 40)
  t.deepEqual(
    stderr
      .toString()
      .trim()
      .split('\n')
      .map((status, index) => `${status} ${curls[index]}`),
    documented.map((status, index) => `${status} ${curls[index]}`),
  )
})

test('docs/http.md tells the status of every reason', (t) => {
  const rows = page.matchAll(/^\| ((?:`[a-z][a-z-]+` ?)+)\| ((?:\d{3} ?)+)\|/gm)
  const told = Array.from(rows, ([, reasons, statuses]) => {
    const [first, ...more] = statuses!.trim().split(' ').map(Number)
    const statusAt = (index: number) => (more.length === 0 ? first : [first, ...more][index])
    const names = reasons!.match(/[a-z-]+/g) ?? []
    return names.map((name, index) => [name, statusAt(index)] as const)
  })
  const actual = Object.entries(REASONS).map(([reason, { status }]) => [reason, status])
  t.deepEqual(Object.fromEntries(told.flat()), Object.fromEntries(actual))
})

test('docs/http.md shows every route', (t) => {
  const app = createApp(new FileStore(memory()))
  const router = app.middleware.map((each) => Reflect.get(each, 'router')).find(Boolean)
  for (const { path, methods } of router.stack as { path: string | RegExp; methods: string[] }[]) {
    if (typeof path !== 'string') continue // Those of build tools have a page of their own.
    const shown = path.replace(':hash', '$HASH').replace(/[:*{].*$/, '')
    for (const method of methods.filter((each) => each !== 'HEAD')) {
      const isShown = page.includes(SERVER + shown) || page.includes(`\`${shown}`)
      t.true(isShown, `${method} ${path}`)
    }
  }
})
