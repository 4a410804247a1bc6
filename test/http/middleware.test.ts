import test from 'ava'
import { createApp } from '../../src/http/index.ts'
import { FileStore, memory } from '../../src/index.ts'
import { ask } from '../helpers/http.ts'
import { listen } from '../helpers/server.ts'

test('middleware that somebody adds sees plain reads and uploads too', async (t) => {
  const store = new FileStore(memory())
  await store.put('content', { name: 'a' })
  const app = createApp(store)
  const seen: string[] = []
  app.middleware.unshift(async (ctx, next) => {
    seen.push(ctx.path)
    if (ctx.get('X-Let-Me') === 'in') await next()
    else ctx.status = 403
  })
  const url = await listen(t, app.callback())
  t.is((await ask(`${url}/files/a`)).status, 403)
  t.is((await ask(`${url}/files/a`, { headers: { 'X-Let-Me': 'in' } })).text, 'content')
  const upload = { method: 'PUT', body: 'more' }
  t.is((await ask(`${url}/files/b`, upload)).status, 403)
  await t.throwsAsync(store.get('b'), { code: 'not-found' })
  t.is((await ask(`${url}/files/b`, { ...upload, headers: { 'X-Let-Me': 'in' } })).status, 201)
  t.deepEqual(seen, ['/files/a', '/files/a', '/files/b', '/files/b'])
})
