import test from 'ava'
import { ask } from '../../helpers/http.ts'
import { startTestServer } from '../../helpers/server.ts'

test('a method that a path does not have is 405 with Allow, and OPTIONS tells them', async (t) => {
  const { url } = await startTestServer(t)
  for (const [method, path] of [
    ['PATCH', '/files/f'],
    ['DELETE', '/files'],
    ['GET', '/files'],
    ['POST', `/blobs/${'0'.repeat(64)}`],
    ['PUT', '/healthz'],
    ['TRACE', '/files/f'],
  ] as const) {
    const answer = await ask(url + path, { method })
    t.is(answer.status, 405, `${method} ${path}`)
    t.truthy(answer.headers.allow)
    t.like(answer.json(), { reason: 'method-not-allowed' })
  }
  const options = await ask(`${url}/files/f`, { method: 'OPTIONS' })
  t.is(options.status, 200)
  for (const method of ['GET', 'HEAD', 'PUT', 'POST', 'DELETE']) {
    t.true(options.headers.allow?.split(', ').includes(method), method)
  }
  t.is((await ask(`${url}/nowhere`, { method: 'PATCH' })).status, 404)
})
