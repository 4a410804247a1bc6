import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { ask } from '../../helpers/http.ts'
import { backdate } from '../../helpers/records.ts'
import { startTestServer } from '../../helpers/server.ts'

/** All of the same length, as dates must not be helped by sizes. */
const version = (number: number) => `version ${String(number).padStart(92, '0')}`

test('a date means one content only, however often that is replaced', async (t) => {
  const { url, store } = await startTestServer(t)
  const file = `${url}/files/f`
  const seen = new Map<string, string>()
  const learn = (date: string | undefined, text: string) => {
    if (date !== undefined && (seen.get(date) ?? text) !== text) t.fail(`${date}: two contents`)
    if (date !== undefined) seen.set(date, text)
  }
  let text = ''
  const check = async (date: string, had: string) => {
    const conditional = await ask(file, { headers: { 'If-Modified-Since': date } })
    if (conditional.status === 304) t.is(had, text, `304 for ${date}`)
    else t.is(conditional.text, text)
    const headers = { Range: 'bytes=50-', 'If-Range': date }
    const rest = await ask(file, { headers })
    t.is(rest.status === 206 ? had.slice(0, 50) + rest.text : rest.text, text, `If-Range: ${date}`)
  }
  const end = Date.now() + 4500
  for (let number = 0; Date.now() < end; number++) {
    const before = text
    const dates = [new Date().toUTCString()]
    text = version(number)
    await store.put(text, { name: 'f' })
    if (number > 0) {
      // A client may send the time at which it read, too.
      for (const date of dates) await check(date, before)
    }
    for (const [date, had] of seen) await check(date, had)
    // Some are there for long enough to be dated.
    await sleep(number % 12 === 11 ? 2100 : 20)
    learn((await ask(file, { headers: { Range: 'bytes=0-49' } })).headers['last-modified'], text)
  }
  t.true(seen.size > 0)
})

test('a file is dated once its date is exact, and the date counts from then on', async (t) => {
  const { url, store, engine } = await startTestServer(t)
  const file = `${url}/files/f`
  const now = new Date().toUTCString()
  await store.put(version(1), { name: 'f' })
  const stored = Date.now()
  const { 'last-modified': dated } = (await ask(file)).headers
  if (Date.now() < stored + 900) t.is(dated, undefined)
  for (const name of ['If-Range', 'If-Modified-Since']) {
    t.is(
      (await ask(file, { headers: { Range: 'bytes=0-4', [name]: now } })).status,
      name === 'If-Range' ? 200 : 206,
    )
  }
  const date = await backdate(engine, 'f')
  t.is((await ask(file)).headers['last-modified'], date)
  t.is((await ask(file, { headers: { 'If-Modified-Since': date } })).status, 304)
  t.is((await ask(file, { headers: { Range: 'bytes=0-4', 'If-Range': date } })).status, 206)
  const earlier = new Date(Date.parse(date) - 1000).toUTCString()
  t.is((await ask(file, { headers: { 'If-Modified-Since': earlier } })).status, 200)
  t.is((await ask(file, { headers: { Range: 'bytes=0-4', 'If-Range': earlier } })).status, 200)
  const put = (since: string) =>
    ask(file, { method: 'PUT', body: 'x', headers: { 'If-Unmodified-Since': since } })
  t.is((await put(earlier)).status, 412)
  t.is((await put(date)).status, 200)
  t.is((await put(date)).status, 412)
})

const testIf = spawnSync('wget', ['--version']).status === 0 ? test : test.skip

testIf('wget -N has what is there, though it is replaced ten times a second', async (t) => {
  const { url, store, http } = await startTestServer(t)
  const folder = await mkdtemp(join(tmpdir(), 'blobcached-wget-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const statuses: number[] = []
  http.on('request', (_req, res) => res.once('close', () => statuses.push(res.statusCode)))
  const wget = async () => {
    const child = spawn('wget', ['-q', '-N', '--no-proxy', `${url}/files/f`], { cwd: folder })
    const [code] = await once(child, 'close')
    t.is(code, 0)
    return readFile(join(folder, 'f'), 'utf8')
  }
  for (let number = 0; number < 25; number++) {
    await store.put(version(number), { name: 'f' })
    t.is(await wget(), version(number))
    await sleep(number % 10 === 9 ? 2100 : 20)
    t.is(await wget(), version(number))
  }
  await sleep(2100)
  t.is(await wget(), version(24))
  statuses.length = 0
  t.is(await wget(), version(24))
  t.deepEqual(statuses, [304])
})
