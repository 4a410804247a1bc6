import test from 'ava'
import { startTestServer } from '../../helpers/server.ts'

test('healthz and readyz answer 200 while the engine is there', async (t) => {
  const { url } = await startTestServer(t)
  for (const path of ['/healthz', '/readyz']) {
    const answer = await fetch(url + path)
    t.is(answer.status, 200)
    t.is(answer.headers.get('cache-control'), 'no-store')
    await answer.body?.cancel()
  }
})
