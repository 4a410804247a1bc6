import test from 'ava'
import Koa from 'koa'
import compose from 'koa-compose'
import { createApp } from '../../src/http/index.ts'
import { FileStore, memory } from '../../src/index.ts'
import { formBody, formType } from '../helpers/form.ts'
import { ask } from '../helpers/http.ts'
import { listen, startTestServer } from '../helpers/server.ts'

test('with a base path, requests come with and without it, and answers have it', async (t) => {
  const server = await startTestServer(t, { basePath: '/a/cache' })
  const origin = server.url.slice(0, -'/a/cache'.length)
  t.is(server.url, `${origin}/a/cache`)
  for (const [index, at] of [server.url, origin].entries()) {
    const name = `f${index}`
    const put = await ask(`${at}/files/${name}?ttl=60`, { method: 'PUT', body: name })
    t.is(put.status, 201)
    t.is(put.headers.location, `/a/cache/files/${name}`)
    t.like(put.json(), { name, url: `/a/cache/files/${name}` })
    t.is((await ask(origin + put.headers.location)).text, name)
    const form = { method: 'POST', headers: formType(), body: formBody({ filename: name }) }
    t.like((await ask(`${at}/files`, form)).json(), [{ url: `/a/cache/files/${name}` }])
    const openapi = (await ask(`${at}/openapi.json`)).json()
    t.like(openapi, { servers: [{ url: '/a/cache' }] })
    t.is((await ask(`${at}/`)).status, 200)
    t.is((await ask(`${at}/healthz`)).status, 200)
    const headers = { Depth: '0' }
    const found = await ask(`${at}/files/${name}`, { method: 'PROPFIND', headers })
    t.regex(found.text, new RegExp(`<D:href>/a/cache/files/${name}</D:href>`))
    const artifact = { method: 'PUT', body: 'x' }
    const kept = (await ask(`${at}/v8/artifacts/${name}`, artifact)).json()
    t.deepEqual(kept, { urls: [`/a/cache/v8/artifacts/${name}`] })
  }
  const bare = await ask(server.url)
  t.is(bare.status, 308)
  t.is(bare.headers.location, '/a/cache/')
  t.is((await ask(`${origin}/a/cachet/files/f0`)).status, 404)
})

test('tokens guard the same paths below a base path', async (t) => {
  const { url } = await startTestServer(t, { basePath: '/cache', access: { tokens: ['t'] } })
  t.is((await ask(`${url}/files/a`)).status, 401)
  t.is((await ask(`${url}/metrics`)).status, 401)
  t.is((await ask(`${url}/healthz`)).status, 200)
})

test('an app that Koa has mounted answers with the path that it is mounted at', async (t) => {
  const app = createApp(new FileStore(memory()))
  const inner = compose(app.middleware)
  const outer = new Koa().use(async (ctx, next) => {
    if (!/^\/cache(?:\/|$)/.test(ctx.path)) return next()
    ctx.path = ctx.path.slice('/cache'.length) || '/' // As koa-mount does.
    await inner(ctx as never, next)
  })
  const url = await listen(t, outer.callback())
  const put = await ask(`${url}/cache/files/a?ttl=60`, { method: 'PUT', body: 'x' })
  t.is(put.headers.location, '/cache/files/a')
  t.like((await ask(`${url}/cache/openapi.json`)).json(), { servers: [{ url: '/cache' }] })
  t.is((await ask(`${url}/cache`)).headers.location, '/cache/')
  t.is((await ask(`${url}/cache/`)).status, 200)
})

test('a path that requests could not come with and without is refused', async (t) => {
  const store = new FileStore(memory())
  const odd = ['cache', '/cache/', '//cache', '/a//b', '/a b', '/a?b', '/a#b', '/%61', '/ä', '/.']
  const own = ['/files', '/files/a', '/blobs', '/ac', '/v1', '/v8/artifacts', '/healthz']
  for (const basePath of [...odd, ...own, '/../a', '/x'.repeat(101)]) {
    t.throws(() => createApp(store, { basePath }), { code: 'bad-request' }, basePath)
  }
  await t.throwsAsync(startTestServer(t, { basePath: 'cache' }), { code: 'bad-request' })
})
