import test from 'ava'
import { memory } from '../../src/index.ts'
import { bothWays, putRaw, ways } from '../helpers/both-ways.ts'
import { FaultyEngine, follow, hold } from '../helpers/faulty-engine.ts'
import { connectRaw, parseAnswer } from '../helpers/raw-http.ts'
import { startTestServer } from '../helpers/server.ts'
import { access, byHash, large, small, store, ZEROS } from './plain-uploads.ts'

const refusals: [string, string | undefined, boolean, number][] = [
  ['no token', undefined, false, 401],
  ['an unknown token', 'Bearer guess', false, 401],
  ['a scheme that is none', 'writer', false, 401],
  ['a token to read with', 'Bearer reader', false, 403],
  ['a token to read with as password', `Basic ${btoa('x:reader')}`, false, 403],
  ['a token to write with', 'bearer writer', false, 201],
  ['a token to write with as password', `Basic ${btoa('x:writer')}`, false, 201],
  ['no token where anyone reads', undefined, true, 401],
]
for (const [what, token, publicRead, status] of refusals) {
  test(`an upload with ${what} is ${status} with and without Koa`, async (t) => {
    for (const path of ['/files/f', '/files/%zz', byHash(small), ZEROS]) {
      const { plain, koa } = await bothWays(async (way) => {
        const engine = new FaultyEngine(memory())
        const calls = follow(engine)
        const { url } = await startTestServer(t, { engine, access: { ...access, publicRead } })
        const fields = token === undefined ? [] : [`Authorization: ${token}`]
        return { answer: await putRaw(t, url, way, { path, body: small, fields }), calls }
      })
      t.deepEqual(plain, koa, path)
      const isGood = path === '/files/f' || path === byHash(small)
      t.is(parseAnswer(plain.answer).status, status === 201 && !isGood ? 400 : status)
      if (status !== 201) t.deepEqual(plain.calls, [], 'nothing is done for who may not write')
    }
  })
}

for (const busy of ways) {
  test(`an upload too many is 503 with and without Koa, behind one that is ${busy}`, async (t) => {
    const { plain, koa } = await bothWays(async (way) => {
      const engine = new FaultyEngine(memory())
      const { url } = await startTestServer(t, { engine, store, maxUploads: 1 })
      const { gate, asked } = hold(engine, { operation: 'set' })
      const first = putRaw(t, url, busy, { path: '/files/first', body: small })
      await asked.promise
      const calls = follow(engine)
      const answers: string[] = []
      const paths = ['/files/f', byHash(small), ZEROS, '/files/%00']
      for (const path of paths) answers.push(await putRaw(t, url, way, { path, body: small }))
      t.deepEqual(calls, [])
      gate.resolve()
      t.is(parseAnswer(await first).status, 201)
      const after = await putRaw(t, url, way, { path: '/files/f', body: small })
      t.is(parseAnswer(after).status, 201)
      return answers
    })
    t.deepEqual(plain, koa)
    for (const answer of plain) {
      t.is(parseAnswer(answer).status, 503)
      t.regex(answer, /^Retry-After: 1\r$/m)
    }
  })
}

test('uploads that fail leave room for others, with and without Koa', async (t) => {
  await bothWays(async (way) => {
    const { url } = await startTestServer(t, { store, maxUploads: 1 })
    for (const path of ['/files/%00', ZEROS, '/files/%zz']) {
      t.is(parseAnswer(await putRaw(t, url, way, { path, body: small })).status, 400)
      t.is(parseAnswer(await putRaw(t, url, way, { path: '/files/f', body: large })).status, 413)
    }
    t.is(parseAnswer(await putRaw(t, url, way, { path: '/files/f', body: small })).status, 201)
  })
})

test('an upload over a connection too many is 503 with and without Koa', async (t) => {
  const { plain, koa } = await bothWays(async (way) => {
    const { url } = await startTestServer(t, { maxConnections: 1 })
    const other = await connectRaw(t, url)
    other.send('GET /readyz HTTP/1.1', 'Host: x', '', '')
    await other.until(/^HTTP\/1\.1 200 /)
    return putRaw(t, url, way, { path: '/files/f', body: small })
  })
  t.is(plain, koa)
  t.is(parseAnswer(plain).status, 503)
})
