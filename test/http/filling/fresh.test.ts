import test, { type ExecutionContext } from 'ava'
import { bytes } from '../../helpers/bytes.ts'
import { rewrite } from '../../helpers/records.ts'
import { until } from '../../helpers/watchdog.ts'
import { type Filled, startFilled } from './setup.ts'

const OLD = bytes('old', 3000)
const NEW = bytes('new', 3000)

/** Starts a server that has fetched `f`, which has these fields. */
async function fetched(t: ExecutionContext, headers: Record<string, string>): Promise<Filled> {
  const filled = await startFilled(t)
  filled.double.file('f', OLD, headers)
  t.deepEqual((await filled.get('/files/f')).body, OLD)
  return filled
}

/** Lets time pass for what is stored under `f`. */
async function age({ server }: Filled, seconds: number): Promise<void> {
  await rewrite(server.engine, 'f', (link) => {
    const attributes = Object.entries(link.attributes ?? {}).map(([name, value]) =>
      /-at$|-until$/.test(name) ? [name, String(Number(value) - seconds * 1000)] : [name, value],
    )
    const storedAt = link.storedAt - seconds * 1000
    return { ...link, storedAt, attributes: Object.fromEntries(attributes) }
  })
}

/** Asks for `f`; returns what Cache-Status says. */
async function look({ get }: Filled, t: ExecutionContext, content: Buffer): Promise<string> {
  const answer = await get('/files/f')
  t.is(answer.status, 200)
  t.deepEqual(answer.body, content)
  return String(answer.headers['cache-status'])
}

test('times without end are as long as can be', async (t) => {
  const long = '99999999999'
  const control = `max-age=${long}, stale-while-revalidate=${long}, stale-if-error=${long}`
  const filled = await fetched(t, { 'Cache-Control': control })
  t.is(await look(filled, t, OLD), 'blobcached; hit')
})

test('what is fresh is not asked for; its Age tells how long ago it was', async (t) => {
  const filled = await fetched(t, { 'Cache-Control': 'max-age=100', Age: '20' })
  await age(filled, 50)
  const { headers } = await filled.get('/files/f')
  t.is(headers['cache-status'], 'blobcached; hit')
  t.true(Number(headers.age) >= 70)
  t.is(filled.double.count('f'), 1)
})

const validators: [string, Record<string, string>, Record<string, string>][] = [
  ['an entity tag', { ETag: '"1"' }, { 'if-none-match': '"1"' }],
  ['a weak entity tag', { ETag: 'W/"1"' }, { 'if-none-match': 'W/"1"' }],
]
for (const [what, headers, condition] of validators) {
  test(`what is no longer fresh is asked for by ${what}, and a 304 renews it without a byte`, async (t) => {
    const filled = await fetched(t, { 'Cache-Control': 'max-age=5', ...headers })
    await age(filled, 10)
    t.is(await look(filled, t, OLD), 'blobcached; fwd=stale; fwd-status=304')
    t.is(await look(filled, t, OLD), 'blobcached; hit')
    t.like(filled.double.received[1]!.headers, condition)
    t.is(filled.double.count('f'), 2)
  })
}

test('Last-Modified is asked with where there is no entity tag', async (t) => {
  const modified = 'Thu, 01 Jan 2026 00:00:00 GMT'
  const filled = await fetched(t, { 'Cache-Control': 'max-age=5', 'Last-Modified': modified })
  filled.double.on('f', ({ headers }, res) => {
    t.is(headers['if-modified-since'], modified)
    res.writeHead(304).end()
  })
  await age(filled, 10)
  t.is(await look(filled, t, OLD), 'blobcached; fwd=stale; fwd-status=304')
})

const unusable: [string, Record<string, string>, Record<string, string>, string][] = [
  [
    'has an entity tag that is not known',
    { 'Last-Modified': 'Thu, 01 Jan 2026 00:00:00 GMT' },
    { ETag: '"2"' },
    'blobcached; fwd=stale; stored',
  ],
  ['is about another version', { ETag: '"1"' }, { ETag: '"2"' }, 'blobcached; fwd=stale; stored'],
  ['is private', { ETag: '"1"' }, { 'Cache-Control': 'private' }, 'blobcached; fwd=stale'],
  ['must not be stored', { ETag: '"1"' }, { 'Cache-Control': 'no-store' }, 'blobcached; fwd=stale'],
  ['varies', { ETag: '"1"' }, { Vary: 'Cookie' }, 'blobcached; fwd=stale'],
]
for (const [what, before, after, status] of unusable) {
  test(`a 304 that ${what} renews nothing: the file is fetched`, async (t) => {
    const filled = await fetched(t, { 'Cache-Control': 'max-age=5', ...before })
    filled.double.on('f', ({ headers }, res) => {
      const isSame = headers['if-none-match'] ?? headers['if-modified-since']
      res.writeHead(isSame === undefined ? 200 : 304, after).end(isSame ? undefined : NEW)
    })
    await age(filled, 10)
    t.is(await look(filled, t, NEW), status)
    t.is(filled.double.count('f'), 3)
  })
}

test('what has changed takes the place of what was there', async (t) => {
  const filled = await fetched(t, { 'Cache-Control': 'max-age=5', ETag: '"1"' })
  filled.double.file('f', NEW, { ETag: '"2"', 'Content-Type': 'a/b' })
  await age(filled, 10)
  t.is(await look(filled, t, NEW), 'blobcached; fwd=stale; stored')
  t.is((await filled.get('/files/f')).headers['content-type'], 'a/b')
})

test('a file keeps its type and coding when it is renewed', async (t) => {
  const headers = {
    'Cache-Control': 'max-age=5',
    ETag: '"1"',
    'Content-Type': 'a/b',
    'Content-Encoding': 'br',
  }
  const filled = await fetched(t, headers)
  filled.double.on('f', (_, res) => void res.writeHead(304).end())
  for (let i = 0; i < 2; i++) {
    await age(filled, 10)
    const answer = await filled.get('/files/f')
    t.like(answer.headers, {
      'cache-status': 'blobcached; fwd=stale; fwd-status=304',
      'content-type': 'a/b',
      'content-encoding': 'br',
    })
  }
})

test('what the origin no longer has is 404', async (t) => {
  const filled = await fetched(t, { 'Cache-Control': 'max-age=5', ETag: '"1"' })
  filled.double.remove('f')
  await age(filled, 10)
  t.is((await filled.get('/files/f')).status, 404)
})

test('what the origin no longer has is not served stale', async (t) => {
  const filled = await startFilled(t, { negativeTtl: 0 })
  const { double, get } = filled
  double.file('f', OLD, {
    'Cache-Control': 'max-age=5, stale-while-revalidate=1000, stale-if-error=1000',
    ETag: '"1"',
  })
  await get('/files/f')
  await age(filled, 10)
  double.remove('f')
  t.regex(await look(filled, t, OLD), /^blobcached; hit; ttl=-[56]$/)
  await until('the origin to be asked', async () => (await get('/files/f')).status === 404)
  t.is((await get('/files/f')).status, 404)
  double.on('f', (_, res) => void res.destroy())
  t.is((await get('/files/f')).status, 502)
})

for (const control of [
  'no-cache',
  'max-age=0',
  'max-age=100, no-cache',
  'max-age=0, must-revalidate',
]) {
  test(`${control} has the origin asked each time, by its validator`, async (t) => {
    const filled = await fetched(t, { 'Cache-Control': control, ETag: '"1"' })
    for (const fetches of [2, 3]) {
      t.is(await look(filled, t, OLD), 'blobcached; fwd=stale; fwd-status=304')
      t.is(filled.double.count('f'), fetches)
    }
    filled.double.file('f', NEW, { 'Cache-Control': control, ETag: '"2"' })
    t.is(await look(filled, t, NEW), 'blobcached; fwd=stale; stored')
  })
}

test('without a validator what is no longer fresh is fetched anew', async (t) => {
  const filled = await fetched(t, { 'Cache-Control': 'max-age=5' })
  await age(filled, 10)
  t.is(await look(filled, t, OLD), 'blobcached; fwd=stale; stored')
  t.is(filled.double.received[1]!.headers['if-none-match'], undefined)
})

test('stale-while-revalidate: it is served at once, and renewed for the next one', async (t) => {
  const filled = await fetched(t, {
    'Cache-Control': 'max-age=5, stale-while-revalidate=100',
    ETag: '"1"',
  })
  filled.double.file('f', NEW, { 'Cache-Control': 'max-age=5', ETag: '"2"' })
  await age(filled, 10)
  t.regex(await look(filled, t, OLD), /^blobcached; hit; ttl=-[56]$/)
  await until('it to be renewed', async () => {
    const { body } = await filled.get('/files/f')
    return body.equals(NEW)
  })
  t.is(filled.double.count('f'), 2)
})

test('stale-while-revalidate is over at its end', async (t) => {
  const filled = await fetched(t, { 'Cache-Control': 'max-age=5, stale-while-revalidate=100' })
  filled.double.file('f', NEW)
  await age(filled, 110)
  t.is(await look(filled, t, NEW), 'blobcached; fwd=stale; stored')
})

test('stale-if-error: it is served while the origin fails, which is asked again in a moment', async (t) => {
  const headers = { 'Cache-Control': 'max-age=5, stale-if-error=100000', ETag: '"1"' }
  const filled = await fetched(t, headers)
  filled.double.on('f', (_, res) => void res.writeHead(500).end())
  await age(filled, 10)
  t.is(await look(filled, t, OLD), 'blobcached; fwd=stale; detail=origin-failed')
  t.is(await look(filled, t, OLD), 'blobcached; hit; detail=origin-failed')
  t.is(filled.double.count('f'), 2)
  await age(filled, 10)
  t.is(await look(filled, t, OLD), 'blobcached; fwd=stale; detail=origin-failed')
  filled.double.file('f', OLD, headers)
  await until('the origin to be asked again', async () => {
    await age(filled, 10)
    return (await look(filled, t, OLD)) === 'blobcached; fwd=stale; fwd-status=304'
  })
  t.is(await look(filled, t, OLD), 'blobcached; hit')
})

const strict: [string, Record<string, string>, number][] = [
  ['past its end', { 'Cache-Control': 'max-age=5, stale-if-error=100' }, 110],
  [
    'with must-revalidate',
    { 'Cache-Control': 'max-age=5, must-revalidate, stale-if-error=100' },
    10,
  ],
  ['with proxy-revalidate', { 'Cache-Control': 'max-age=5, proxy-revalidate' }, 10],
  ['with s-maxage alone', { 'Cache-Control': 's-maxage=5' }, 10],
  ['with no-cache', { 'Cache-Control': 'no-cache, stale-if-error=100' }, 0],
]
const refusals = [401, 403, 451]
for (const status of refusals) {
  test(`stale-if-error is not for an origin that refuses the file with ${status}`, async (t) => {
    const headers = { 'Cache-Control': 'max-age=5, stale-if-error=100', ETag: '"1"' }
    const filled = await fetched(t, headers)
    filled.double.on('f', (_, res) => void res.writeHead(status).end())
    await age(filled, 10)
    t.is((await filled.get('/files/f')).status, 502)
  })
}

test('while the origin fails, what may be renewed in the background goes on being served at once', async (t) => {
  const control = 'max-age=5, stale-while-revalidate=1000, stale-if-error=1000'
  const filled = await fetched(t, { 'Cache-Control': control, ETag: '"1"' })
  filled.double.on('f', (_, res) => void res.writeHead(500).end())
  await age(filled, 10)
  t.regex(await look(filled, t, OLD), /^blobcached; hit; ttl=-/)
  await until('the failure to be noted', async () => /detail/.test(await look(filled, t, OLD)))
  filled.double.on('f', () => {})
  await age(filled, 10)
  t.regex(await look(filled, t, OLD), /^blobcached; hit; ttl=-/)
})

test('stale-while-revalidate is over when the origin has another version that is not to be stored', async (t) => {
  const control = 'max-age=5, stale-while-revalidate=1000, stale-if-error=1000'
  const filled = await fetched(t, { 'Cache-Control': control, ETag: '"1"' })
  filled.double.file('f', NEW, { 'Cache-Control': 'no-store' })
  await age(filled, 10)
  t.regex(await look(filled, t, OLD), /^blobcached; hit; ttl=-/)
  await until('the new version', async () => (await filled.get('/files/f')).body.equals(NEW))
  filled.double.on('f', (_, res) => void res.writeHead(500).end())
  t.is((await filled.get('/files/f')).status, 502)
})

for (const [what, headers, seconds] of strict) {
  test(`what is stale ${what} is not served when the origin fails`, async (t) => {
    const filled = await fetched(t, { ...headers, ETag: '"1"' })
    filled.double.on('f', (_, res) => void res.destroy())
    await age(filled, seconds)
    t.is((await filled.get('/files/f')).status, 502)
  })
}

test('an upload over a file of the origin is no longer its file', async (t) => {
  const filled = await fetched(t, { 'Cache-Control': 'no-cache', ETag: '"1"' })
  await filled.get('/files/f', { method: 'PUT', body: NEW })
  t.is(await look(filled, t, NEW), 'blobcached; hit')
  t.is((await filled.get('/files/f')).headers.age, undefined)
  t.is(filled.double.count('f'), 1)
})
