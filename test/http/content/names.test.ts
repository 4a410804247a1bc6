import test from 'ava'
import { pathOfName } from '../../../src/api/paths.ts'
import { memory } from '../../../src/index.ts'
import { FaultyEngine, follow } from '../../helpers/faulty-engine.ts'
import { ask } from '../../helpers/http.ts'
import { NAMES, RAW_PATHS } from '../../helpers/names.ts'
import { assertProblem } from '../../helpers/problem.ts'
import { exchange } from '../../helpers/raw-http.ts'
import { startTestServer } from '../../helpers/server.ts'

/** A path, the name it means, and the path that we give back for it. */
const names: [string, string, string?][] = [
  ['a', 'a'],
  ['dir/sub/file.txt', 'dir/sub/file.txt'],
  ['dir%2Ffile', 'dir/file', 'dir/file'],
  ['a%20b+c', 'a b+c', 'a%20b%2Bc'],
  ['100%25', '100%'],
  ['%2525', '%25'],
  ['gr%C3%BC%C3%9Fe', 'grüße'],
  ['%F0%9F%8C%8D', '🌍'],
  ['//a//', '//a//'],
  ['../a/./b', '../a/./b', '..%2Fa%2F.%2Fb'],
  ['..', '..', '%2E%2E'],
  ['a%3Fb%23c', 'a?b#c'],
  ["a&b=c;d:e@f!$'()*,", "a&b=c;d:e@f!$'()*,", "a%26b%3Dc%3Bd%3Ae%40f!%24'()*%2C"],
  ['%e3%81%82', 'あ', '%E3%81%82'],
  [`${'x'.repeat(1024)}`, 'x'.repeat(1024)],
]
for (const [path, name, canonical = path] of names) {
  test(`${path.slice(0, 30)} means ${name.slice(0, 30)}`, async (t) => {
    const { url, store } = await startTestServer(t)
    const put = await ask(`${url}/files/${path}`, { method: 'PUT', body: name })
    t.is(put.status, 201)
    t.like(put.json(), { name, url: `/files/${canonical}` })
    t.is(put.headers.location, `/files/${canonical}`)
    t.is((await (await store.get({ name })).bytes()).toString(), name)
    for (const again of [path, canonical]) {
      t.is((await ask(`${url}/files/${again}`)).text, name)
    }
    t.is((await ask(`${url}/files/${canonical}`, { method: 'DELETE' })).status, 204)
  })
}

test('a name may hold any characters, encoded as we do it or sent as they are', async (t) => {
  const { url } = await startTestServer(t)
  const paths = NAMES.map((name): [string, string] => [pathOfName(name), name])
  for (const [path, name] of [...paths, ...RAW_PATHS]) {
    const body = `this is ${path}`
    const put = await ask(url + path, { method: 'PUT', body })
    t.true(put.status === 201 || put.status === 200, path)
    t.like(put.json(), { name })
    t.is((await ask(url + path)).text, body)
    t.is((await ask(url + pathOfName(name))).text, body)
  }
})

test('the path that is given back leads there for whoever parses it', async (t) => {
  const { url } = await startTestServer(t)
  for (const name of ['a/../b', '../b', 'b/.', './', 'b//..']) {
    const path = encodeURIComponent(name)
    const { headers } = await ask(`${url}/files/${path}`, { method: 'PUT', body: name })
    t.is(await (await fetch(new URL(headers.location!, url))).text(), name)
  }
})

const refused: [string, string][] = [
  ['a broken escape', '%'],
  ['half an escape', 'a%2'],
  ['no hexadecimal digits', '%zz'],
  ['bytes that are no UTF-8', '%ff%fe'],
  ['half a character', '%C3'],
  ['an encoded surrogate', '%ED%A0%80'],
  ['a zero byte', 'a%00b'],
  ['a newline', 'a%0Ab'],
  ['1,025 bytes', 'x'.repeat(1025)],
]
for (const [what, path] of refused) {
  test(`${what} is no name`, async (t) => {
    const engine = new FaultyEngine(memory())
    const { url } = await startTestServer(t, { engine })
    const calls = follow(engine)
    for (const method of ['GET', 'HEAD', 'PUT', 'POST', 'DELETE']) {
      for (const agent of ['test', 'rush 5.100.0']) {
        const headers = { 'User-Agent': agent }
        assertProblem(t, await ask(`${url}/files/${path}`, { method, headers }), 400, 'bad-request')
      }
    }
    t.deepEqual(calls, [])
  })
}

test('a query that is not percent-encoded UTF-8 is refused, whatever it is for', async (t) => {
  const engine = new FaultyEngine(memory())
  const { url } = await startTestServer(t, { engine })
  const calls = follow(engine)
  const hash = '0'.repeat(64)
  for (const text of ['%E4', '%C0%AF', '%ED%A0%80', '%F4%90%80%80', '%zz', 'a%2']) {
    for (const [method, path] of [
      ['POST', `/files?name=${text}`],
      ['GET', `/files/a?download=${text}`],
      ['PUT', `/v8/artifacts/${hash}?slug=${text}`],
      ['PUT', `/files/a?${text}=x`],
    ] as const) {
      assertProblem(t, await ask(url + path, { method }), 400, 'bad-request')
    }
  }
  t.deepEqual(calls, [])
  const { status, json } = await ask(`${url}/files?name=na%C3%AFve+%2B`, { method: 'POST' })
  t.is(status, 201)
  t.like(json(), { name: 'naïve +' })
})

test('bytes that should have been encoded are no HTTP', async (t) => {
  const { url } = await startTestServer(t)
  const raw = Buffer.from('GET /files/grüße HTTP/1.1').toString('latin1')
  const answer = await exchange(t, url, raw, 'Host: a', 'Connection: close', '', '')
  t.regex(answer, /^HTTP\/1\.1 400 /)
})

test('a name of no bytes is no route of its own', async (t) => {
  const { url } = await startTestServer(t)
  for (const method of ['GET', 'PUT', 'DELETE']) {
    assertProblem(t, await ask(`${url}/files/`, { method }), 405, 'method-not-allowed')
  }
})
