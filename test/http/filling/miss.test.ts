import test from 'ava'
import { bytes } from '../../helpers/bytes.ts'
import { deferred } from '../../helpers/deferred.ts'
import { type Ask, ask } from '../../helpers/http.ts'
import { assertProblem } from '../../helpers/problem.ts'
import { until } from '../../helpers/watchdog.ts'
import { hashOf, startFilled } from './setup.ts'

const SMALL = bytes('small', 300)
const LARGE = bytes('large', 300_000)

const files: [string, Buffer][] = [
  ['an empty file', Buffer.alloc(0)],
  ['a small file', SMALL],
  ['a large file', LARGE],
]
for (const [what, content] of files) {
  test(`${what} that is not there comes from the origin, once, and is there from then on`, async (t) => {
    const { double, get } = await startFilled(t)
    double.file('a/b%20c', content, { 'Content-Type': 'text/x' })
    const first = await get('/files/a/b%20c')
    t.is(first.status, 200)
    t.deepEqual(first.body, content)
    t.like(first.headers, {
      'content-type': 'text/x',
      'content-length': String(content.length),
      'cache-status': 'blobcached; fwd=miss; stored',
      'cache-control': 'no-cache',
      'content-security-policy': 'sandbox',
    })
    let second = first
    await until('it to be stored', async () => {
      second = await get('/files/a/b%20c')
      return second.headers['cache-status'] === 'blobcached; hit'
    })
    t.deepEqual(second.body, content)
    t.like(second.headers, {
      'content-type': 'text/x',
      etag: `"${hashOf(content)}"`,
    })
    t.regex(second.headers.age!, /^\d+$/)
    t.is(double.received.length, 1)
  })
}

test('a file of which all is known before the status is answered as one that was there', async (t) => {
  const { double, get } = await startFilled(t)
  double.file('f', SMALL)
  const { headers } = await get('/files/f')
  t.is(headers.etag, `"${hashOf(SMALL)}"`)
  t.truthy(headers['repr-digest'])
})

const whole: [string, Ask, number, Buffer?][] = [
  ['HEAD', { method: 'HEAD' }, 200, Buffer.alloc(0)],
  ['a range', { headers: { Range: 'bytes=10-19' } }, 206, LARGE.subarray(10, 20)],
  ['ranges', { headers: { Range: 'bytes=1-1,9-9' } }, 206],
  ['a range that is not there', { headers: { Range: 'bytes=300000-' } }, 416],
  ['If-None-Match that fits', { headers: { 'If-None-Match': `"${hashOf(LARGE)}"` } }, 304],
  ['If-None-Match that does not', { headers: { 'If-None-Match': '"x"' } }, 200, LARGE],
  ['If-Match that does not', { headers: { 'If-Match': '"x"' } }, 412],
]
for (const [what, request, status, body] of whole) {
  test(`${what} has the whole file fetched, and is answered by what is stored`, async (t) => {
    const { double, get } = await startFilled(t)
    double.file('f', LARGE)
    const answer = await get('/files/f', request)
    t.is(answer.status, status)
    if (body !== undefined) t.deepEqual(answer.body, body)
    if (status === 200) t.is(answer.headers['content-length'], '300000')
    if (status === 200) t.is(answer.headers.etag, `"${hashOf(LARGE)}"`)
    t.is(double.received[0]!.headers.range, undefined)
    t.deepEqual((await get('/files/f')).body, LARGE)
    t.is(double.received.length, 1)
  })
}

test('verify=full waits for the whole, so that its status is true', async (t) => {
  const { double, get } = await startFilled(t)
  double.file('f', LARGE)
  const answer = await get('/files/f?verify=full')
  t.is(answer.headers.etag, `"${hashOf(LARGE)}"`)
  t.deepEqual(answer.body, LARGE)
})

test('ranges of a file beyond the limit are passed on, and the whole is not fetched for them', async (t) => {
  const { double, server, get } = await startFilled(t, { rangeLimit: 1000 })
  const size = 50_000_000
  double.on('f', ({ headers }, res) => {
    if (headers.range === 'bytes=9-10') {
      res.writeHead(206, { 'Content-Range': `bytes 9-10/${size}`, 'Content-Type': 'a/b' }).end('xy')
    } else if (headers.range !== undefined) {
      res.writeHead(416, { 'Content-Range': `bytes */${size}` }).end()
    } else res.writeHead(200, { 'Content-Length': size }).write('never all of it')
  })
  for (const fetches of [2, 3]) {
    const part = await get('/files/f', { headers: { Range: 'bytes=9-10' } })
    t.is(part.status, 206)
    t.is(part.text, 'xy')
    t.like(part.headers, {
      'content-range': `bytes 9-10/${size}`,
      'content-type': 'a/b',
      'cache-status': 'blobcached; fwd=miss; detail=range',
    })
    t.is(double.count('f'), fetches)
  }
  const none = await get('/files/f', { headers: { Range: `bytes=${size}-` } })
  t.is(none.status, 416)
  t.is(none.headers['content-range'], `bytes */${size}`)
  await t.throwsAsync(server.store.find({ name: 'f' }), { code: 'not-found' })
})

test('a range of a file that is too large to be stored is passed on', async (t) => {
  const limits = { store: { maxFileSize: 100_000, chunkSize: 1000 } }
  const { double, get } = await startFilled(t, { rangeLimit: 1000 }, limits)
  double.on('f', ({ headers }, res) => {
    if (headers.range === undefined) res.writeHead(200, { 'Content-Length': 200_000 }).write('x')
    else res.writeHead(206, { 'Content-Range': 'bytes 9-10/200000' }).end('xy')
  })
  const part = await get('/files/f', { headers: { Range: 'bytes=9-10' } })
  t.is(part.status, 206)
  t.is(part.text, 'xy')
})

test('a small part that is shorter than it says is 502', async (t) => {
  const { double, get } = await startFilled(t, { rangeLimit: 1000 })
  double.on('f', ({ headers }, res) => {
    if (headers.range === undefined) res.writeHead(200, { 'Content-Length': 200_000 }).write('x')
    else res.writeHead(206, { 'Content-Range': 'bytes 9-13/200000' }).end('xy')
  })
  assertProblem(
    t,
    await get('/files/f', { headers: { Range: 'bytes=9-13' } }),
    502,
    'origin-failed',
  )
})

test('the download of a file that comes from the origin has its name', async (t) => {
  const { double, get } = await startFilled(t)
  double.file('a/b.txt', LARGE)
  const { headers } = await get('/files/a/b.txt?download')
  t.is(headers['content-disposition'], 'attachment; filename="b.txt"')
})

test('a file that is coded is stored with its coding', async (t) => {
  const { double, get } = await startFilled(t)
  double.file('f', SMALL, { 'Content-Encoding': 'br' })
  double.file('g', LARGE, { 'Content-Encoding': 'br' })
  for (const path of ['/files/f', '/files/g', '/files/f', '/files/g']) {
    t.is((await get(path)).headers['content-encoding'], 'br')
  }
})

test('many clients of one file have it fetched once', async (t) => {
  const { double, get } = await startFilled(t)
  const asked = deferred()
  double.on('f', (_, res) => void asked.promise.then(() => res.end(LARGE)))
  const answers = Array.from({ length: 20 }, () => get('/files/f'))
  await until('the origin to be asked', () => double.count('f') === 1)
  asked.resolve()
  const statuses = new Map<string, number>()
  for (const { body, headers } of await Promise.all(answers)) {
    t.deepEqual(body, LARGE)
    const status = headers['cache-status'] as string
    statuses.set(status, (statuses.get(status) ?? 0) + 1)
  }
  t.is(double.count('f'), 1)
  t.is(statuses.get('blobcached; fwd=miss; stored'), 1)
})

const notStored: [string, Record<string, string>][] = [
  ['private', { 'Cache-Control': 'private' }],
  ['not to be stored', { 'Cache-Control': 'no-store' }],
  ['different for each client', { Vary: 'Cookie' }],
  ['sent with a cookie', { 'Set-Cookie': 'a=b' }],
]
for (const [what, headers] of notStored) {
  test(`what is ${what} is handed on and not stored`, async (t) => {
    const { double, server, get } = await startFilled(t)
    for (const content of [SMALL, LARGE]) {
      double.file('f', content, { 'Content-Type': 'a/b', ...headers })
      for (const method of ['GET', 'HEAD']) {
        const answer = await get('/files/f', { method })
        t.is(answer.status, 200)
        if (method === 'GET') t.deepEqual(answer.body, content)
        t.like(answer.headers, {
          'content-type': 'a/b',
          'content-length': String(content.length),
          'cache-control': 'no-store',
          'cache-status': 'blobcached; fwd=miss',
          'set-cookie': undefined,
          etag: undefined,
        })
      }
      await t.throwsAsync(server.store.find({ name: 'f' }), { code: 'not-found' })
    }
  })
}

test('what the origin does not have is 404, and is not asked for again at once', async (t) => {
  const { double, server, get } = await startFilled(t, { negativeTtl: 60 })
  for (let i = 0; i < 3; i++) {
    const answer = await get('/files/none')
    t.is(answer.status, 404)
    t.like(answer.json(), { reason: 'not-found' })
  }
  t.is(double.count('none'), 1)
  await server.store.put(SMALL, { name: 'none' })
  t.deepEqual((await get('/files/none')).body, SMALL)
})

test('with a negative time of 0 it is asked for each time', async (t) => {
  const { double, get } = await startFilled(t, { negativeTtl: 0 })
  for (let i = 0; i < 3; i++) t.is((await get('/files/none')).status, 404)
  t.is(double.count('none'), 3)
})

for (const path of [
  '/files/../x',
  '/files/%2e%2e/x',
  '/files/a%2F..%2Fb',
  '/files//other.example/x',
  '/files/a%5Cb',
  '/files/a/',
]) {
  test(`${path} is not asked of the origin`, async (t) => {
    const { double, get } = await startFilled(t)
    t.is((await get(path)).status, 404)
    t.is(double.received.length, 0)
  })
}

test('the query of a client stays here', async (t) => {
  const { double, get } = await startFilled(t)
  double.file('f', SMALL)
  await get('/files/f?x=1&verify=stream')
  t.deepEqual(
    double.received.map(({ path }) => path),
    ['f'],
  )
})

test('nothing of a client goes to the origin', async (t) => {
  const { double, get } = await startFilled(t)
  double.file('f', SMALL)
  const secrets = {
    Authorization: 'Bearer mine',
    Cookie: 'a=b',
    'X-Forwarded-For': '1.2.3.4',
    'User-Agent': 'x',
  }
  await get('/files/f', { headers: { ...secrets, 'If-None-Match': '"x"', Range: 'bytes=0-1' } })
  t.deepEqual(Object.keys(double.received[0]!.headers).sort(), [
    'accept',
    'accept-encoding',
    'connection',
    'host',
    'user-agent',
    'via',
  ])
  t.is(double.received[0]!.headers['user-agent'], 'blobcached')
})

test('a server that is its own origin says that there is no such file', async (t) => {
  const { server, double } = await startFilled(t)
  const own = new URL(server.url)
  double.on('f', (req, res) => {
    ask(`${own.origin}/files/f`, { headers: { Via: String(req.headers.via) } }).then(({ status }) =>
      res.writeHead(status).end(),
    )
  })
  t.is((await ask(`${server.url}/files/f`)).status, 404)
  t.is(double.count('f'), 1)
})

for (const [what, change, status, body] of [
  ['an upload', { method: 'PUT', body: 'uploaded' }, 'blobcached; hit', 'uploaded'],
  ['a deletion', { method: 'DELETE' }, 'blobcached; fwd=miss; stored', 'new'],
] as const) {
  test(`${what} in the middle of a fetch stays, and its client gets what it asked for`, async (t) => {
    const { double, get } = await startFilled(t)
    const [gate, isAsked] = [deferred(), deferred()]
    double.on('f', async (_, res) => {
      isAsked.resolve()
      await gate.promise
      res.end('old')
    })
    const fetched = get('/files/f')
    await isAsked.promise
    await get('/files/f', change)
    gate.resolve()
    const first = await fetched
    t.deepEqual([first.text, first.headers['cache-status']], ['old', 'blobcached; fwd=miss'])
    double.file('f', 'new')
    const next = await get('/files/f')
    t.deepEqual([next.text, next.headers['cache-status']], [body, status])
  })
}

test('uploads and deletions are for the cache alone', async (t) => {
  const { double, get } = await startFilled(t)
  double.file('f', SMALL)
  t.is((await get('/files/f', { method: 'PUT', body: LARGE })).status, 201)
  t.deepEqual((await get('/files/f')).body, LARGE)
  t.is(double.received.length, 0)
  t.is((await get('/files/f', { method: 'DELETE' })).status, 204)
  t.deepEqual((await get('/files/f')).body, SMALL)
})

test('the paths beside files and blobs ask the origin for nothing', async (t) => {
  const { double, get } = await startFilled(t)
  double.file('f', SMALL)
  for (const path of ['/files/f?manifest', '/files/f?health', '/f', '/readyz', '/nx/f'])
    await get(path)
  t.is(double.received.length, 0)
})

test('/readyz does not depend on the origin', async (t) => {
  const { double, get } = await startFilled(t)
  await double.close()
  t.is((await get('/readyz')).status, 200)
})
