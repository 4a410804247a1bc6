import test from 'ava'
import { Digest } from '../../../src/index.ts'
import { ask } from '../../helpers/http.ts'
import { assertProblem } from '../../helpers/problem.ts'
import { startTestServer } from '../../helpers/server.ts'

const SITE = 'https://app.example'

/** What browsers say of a page of another site, newer ones and older ones. */
const OTHERS = [
  { Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site' },
  { Origin: 'http://localhost:3000', 'Sec-Fetch-Site': 'same-site' },
  { Origin: 'https://evil.example' },
  { Origin: 'null' },
]

test('what a page of another site posts without asking is refused, and changes nothing', async (t) => {
  const { url, store } = await startTestServer(t, { corsOrigins: [SITE] })
  for (const headers of OTHERS) {
    for (const path of ['/files/forged', '/files?name=forged', '/files']) {
      const body = 'forged'
      const answer = await ask(url + path, { method: 'POST', headers, body })
      assertProblem(t, answer, 403, 'forbidden')
    }
  }
  t.false(await store.isReadable('forged'))
  t.false(await store.isReadable(Digest.of(Buffer.from('forged'))))
})

test('what is no browser, the page at /, and a site that is let in may post', async (t) => {
  const { url } = await startTestServer(t, { corsOrigins: [SITE] })
  const { origin, host } = new URL(url)
  for (const headers of [
    {},
    { Origin: origin },
    { Origin: 'https://proxied.example', 'Sec-Fetch-Site': 'same-origin' },
    { Origin: SITE, 'Sec-Fetch-Site': 'cross-site' },
    { 'Sec-Fetch-Site': 'none' },
    { Origin: `http://${host}` },
  ]) {
    const answer = await ask(`${url}/files`, { method: 'POST', headers, body: 'content' })
    t.true([200, 201].includes(answer.status), JSON.stringify(headers))
  }
})

test('where every site is let in, any may post', async (t) => {
  const { url } = await startTestServer(t, { corsOrigins: ['*'] })
  for (const headers of OTHERS) {
    const answer = await ask(`${url}/files/new`, { method: 'PUT', headers, body: 'content' })
    t.true([200, 201].includes(answer.status), JSON.stringify(headers))
    const posted = await ask(`${url}/files`, { method: 'POST', headers, body: 'content' })
    t.is(posted.status, 200, JSON.stringify(headers))
  }
})
