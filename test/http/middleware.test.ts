import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import Koa, { type Middleware } from 'koa'
import compose from 'koa-compose'
import { Connections } from '../../src/http/exchange/connections.ts'
import { type AppOptions, createApp } from '../../src/http/index.ts'
import { Digest, FileStore, memory } from '../../src/index.ts'
import { deferred } from '../helpers/deferred.ts'
import { type Ask, ask } from '../helpers/http.ts'
import { KeptLog } from '../helpers/kept-log.ts'
import { expectSamples } from '../helpers/metrics.ts'
import { Random } from '../helpers/random.ts'
import { connectRaw } from '../helpers/raw-http.ts'
import { listen } from '../helpers/server.ts'
import { until } from '../helpers/watchdog.ts'

const SITE = 'https://app.example'
const HASH = Digest.of(Buffer.from('content')).hex

async function create(options: AppOptions = {}) {
  const store = new FileStore(memory())
  await store.put('content', { name: 'a' })
  return { store, app: createApp(store, options) }
}

/** What is asked, the status of the answer, and with which options of the app. */
const requests: [string, Ask & { path: string }, number, AppOptions?][] = [
  ['a plain read', { path: '/files/a' }, 200],
  ['a read by hash', { path: `/blobs/${HASH}` }, 200],
  ['HEAD', { path: '/files/a', method: 'HEAD' }, 200],
  ['a conditional read', { path: '/files/a', headers: { 'If-None-Match': `"${HASH}"` } }, 304],
  ['a read of a range', { path: '/files/a', headers: { Range: 'bytes=0-1' } }, 206],
  ['a miss', { path: '/files/none' }, 404],
  ['an upload', { path: '/files/b', method: 'PUT', body: 'more' }, 201],
  ['an upload by hash', { path: `/blobs/${HASH}`, method: 'PUT', body: 'content' }, 200],
  ['a bad name', { path: '/files/%zz' }, 400],
  ['no route', { path: '/nowhere' }, 404],
  ['no method of the route', { path: '/files/a', method: 'PATCH' }, 405],
  ['OPTIONS', { path: '/files/a', method: 'OPTIONS' }, 200],
  ['a health check', { path: '/healthz' }, 200],
  ['a build tool', { path: '/v1/cache/none' }, 404],
  ['no token', { path: '/files/a' }, 401, { access: { tokens: ['t'] } }],
  ['an upload too many', { path: '/files/a', method: 'PUT', body: 'x' }, 503, { maxUploads: 0 }],
  ['a connection too many', { path: '/files/a' }, 503, { connections: surplus() }],
  ['another site', { path: '/files', method: 'POST', headers: { Origin: SITE } }, 403],
  ['a site that is let in', cross('GET', '/files/a'), 200, { corsOrigins: [SITE] }],
  ['a preflight', cross('OPTIONS', '/files/new'), 204, { corsOrigins: [SITE] }],
]

/** Connections each of which is one too many. */
function surplus(): Connections {
  const connections = new Connections()
  const of = connections.of.bind(connections)
  return Object.assign(connections, {
    of: (socket: Socket) => Object.assign(of(socket), { isSurplus: true }),
  })
}

function cross(method: string, path: string) {
  return { path, method, headers: { Origin: SITE, 'Access-Control-Request-Method': 'PUT' } }
}

for (const [what, { path, ...request }, status, options] of requests) {
  test(`middleware sees ${what}, added with use and put first`, async (t) => {
    const { app } = await create(options)
    const seen: string[] = []
    app.middleware.unshift((ctx, next) => {
      seen.push(`first ${ctx.url}`)
      return next()
    })
    app.use((ctx, next) => {
      seen.push(`added ${ctx.url}`)
      ctx.set('X-Added', 'before')
      return next()
    })
    const answer = await ask((await listen(t, app.callback())) + path, request)
    t.is(answer.status, status)
    t.is(answer.headers['x-added'], 'before')
    t.deepEqual(seen, [`first ${path}`, `added ${path}`])
  })
}

test('middleware can refuse what it likes, with the id of the request', async (t) => {
  const logger = new KeptLog()
  const { app, store } = await create({ logger })
  app.use(async (ctx, next) => {
    if (ctx.get('X-Let-Me') === 'in') return next()
    ctx.status = 403
    ctx.body = 'not you'
  })
  const url = await listen(t, app.callback())
  const upload = { method: 'PUT', body: 'more' }
  for (const [path, request] of [
    ['/files/a', {}],
    ['/files/b', upload],
    ['/nowhere', {}],
  ] as const) {
    const { status, text, headers } = await ask(url + path, request)
    t.deepEqual({ status, text }, { status: 403, text: 'not you' })
    t.like(await logger.line({ path }), { status: 403, id: headers['x-request-id'], end: 'whole' })
  }
  await t.throwsAsync(store.get('b'), { code: 'not-found' })
  const headers = { 'X-Let-Me': 'in' }
  t.is((await ask(`${url}/files/a`, { headers })).text, 'content')
  t.is((await ask(`${url}/files/b`, { ...upload, headers })).status, 201)
})

test('an error that middleware throws is a 500 without its text, and is told once', async (t) => {
  const told: unknown[] = []
  const { app } = await create({ onError: (error) => told.push(error) })
  const error = new Error('secret')
  app.use(() => {
    throw error
  })
  const url = await listen(t, app.callback())
  for (const [path, request] of [
    ['/files/a', {}],
    ['/files/b', { method: 'PUT', body: 'more' }],
  ] as const) {
    const answer = await ask(url + path, request)
    t.like(answer.json(), { status: 500, reason: 'internal' })
    t.notRegex(answer.text, /secret/)
    t.truthy(answer.headers['x-request-id'])
  }
  t.deepEqual(told, [error, error])
})

/** As koa-mount does it: with the other application's context, without what comes before its own paths. */
function mount(prefix: string, app: Koa): Middleware {
  const inner = compose(app.middleware)
  return async (ctx, next) => {
    if (!ctx.path.startsWith(prefix)) return next()
    const { path } = ctx
    ctx.path = path.slice(prefix.length)
    await inner(ctx as never, async () => {
      ctx.path = path
      await next()
    })
  }
}

test('the app works mounted in another one, as middleware and as a handler', async (t) => {
  const { app } = await create({ access: { tokens: ['t'] } })
  const asMiddleware = new Koa().use(mount('/cache', app))
  const handle = app.callback()
  const asHandler = new Koa().use(async (ctx) => {
    ctx.respond = false
    ctx.req.url = ctx.url.slice('/cache'.length)
    await handle(ctx.req, ctx.res)
  })
  const headers = { Authorization: 'Bearer t' }
  for (const outer of [asMiddleware, asHandler]) {
    const url = `${await listen(t, outer.callback())}/cache`
    const get = (path: string) => ask(url + path, { headers })
    t.is((await get('/files/a')).text, 'content')
    t.is((await ask(`${url}/files/a`)).status, 401)
    t.like((await get('/files/none')).json(), { reason: 'not-found' })
    t.like((await get('/nowhere')).json(), { reason: 'no-such-route' })
    t.is((await get('/healthz')).status, 200)
    const put = { method: 'PUT', body: 'more', headers }
    t.true([200, 201].includes((await ask(`${url}/files/b`, put)).status))
    t.is((await get('/files/b')).text, 'more')
  }
})

test('the app works on a server of its user’s, which has answered Expect by itself', async (t) => {
  const { app } = await create({ access: { readTokens: ['t'], tokens: ['w'] } })
  const http = createServer(app.callback()).listen(0, '127.0.0.1')
  t.teardown(() => http.close())
  await once(http, 'listening')
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
  for (const [token, status] of [
    ['w', 201],
    ['t', 403],
  ] as const) {
    const client = await connectRaw(t, url)
    client.send('PUT /files/b HTTP/1.1', 'Host: x', `Authorization: Bearer ${token}`)
    client.send('', 'Expect: 100-continue', 'Content-Length: 4', '', '')
    await client.until(/^HTTP\/1\.1 100 Continue\r\n\r\n/)
    client.send('moreGET /healthz HTTP/1.1', 'Host: x', '', '')
    await client.until(/\r\n\r\nHTTP\/1\.1 (\d+) .*}HTTP\/1\.1 200 /s)
    const statuses = [...client.received.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => status)
    t.deepEqual(statuses, ['100', `${status}`, '200'])
  }
})

test('requests sent in one go are answered in order, however long middleware before ours takes', async (t) => {
  const random = new Random(7)
  for (let round = 0; round < 10; round++) {
    const { app } = await create()
    app.middleware.unshift(async (_ctx, next) => {
      await sleep(random.below(20))
      await next()
    })
    const client = await connectRaw(t, await listen(t, app.callback()))
    const requests: string[] = []
    for (let index = 0; index < 50; index++) {
      const body = `<${index}>`
      const head = `PUT /files/f HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n`
      requests.push(head + body, 'GET /files/f HTTP/1.1\r\nHost: x\r\n\r\n')
    }
    client.send(requests.join(''))
    await client.until(/<49>$/)
    const bodies = [...client.received.matchAll(/<(\d+)>/g)].map(([, index]) => Number(index))
    t.deepEqual(bodies, [...Array(50).keys()])
  }
})

test('a client that leaves while middleware before ours waits leaves nothing behind', async (t) => {
  const logger = new KeptLog()
  const { app } = await create({ logger })
  const gate = deferred()
  const waiting: Socket[] = []
  app.middleware.unshift(async (ctx, next) => {
    waiting.push(ctx.req.socket)
    if (ctx.path !== '/metrics') await gate.promise
    await next()
  })
  const url = await listen(t, app.callback())
  const client = await connectRaw(t, url)
  client.send(
    ...['/files/a', '/files/b'].flatMap((path) => [`GET ${path} HTTP/1.1`, 'Host: x', '']),
    '',
  )
  await until('both to wait', () => waiting.length === 2)
  client.socket.destroy()
  await once(waiting[0]!, 'close')
  gate.resolve()
  for (const line of await logger.all(2)) t.like(line, { status: 499, end: 'client-gone' })
  await expectSamples(t, url, { blobcached_http_requests_under_way: 1 })
})
