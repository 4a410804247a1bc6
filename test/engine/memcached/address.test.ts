import test from 'ava'
import { parseAddresses } from '../../../src/engine/memcached/address.ts'
import { memcached } from '../../../src/engine/memcached/index.ts'
import { InvalidArgumentError } from '../../../src/errors.ts'

const tcp = (host: string, port = 11211) => ({ target: { host, port } })
const credentials = (username: string, password: string) => ({
  credentials: { username, password },
})

const good: [text: string, wanted: object][] = [
  ['localhost', { ...tcp('localhost'), tls: false, name: 'localhost:11211' }],
  ['10.0.0.1:11212', { ...tcp('10.0.0.1', 11212), name: '10.0.0.1:11212' }],
  [' cache_1.internal:1 ', { ...tcp('cache_1.internal', 1), name: 'cache_1.internal:1' }],
  ['[::1]', { ...tcp('::1'), name: '[::1]:11211' }],
  ['[fe80::1%eth0]:65535', { ...tcp('fe80::1%eth0', 65535), name: '[fe80::1%eth0]:65535' }],
  ['/run/memcached.sock', { target: { path: '/run/memcached.sock' }, name: '/run/memcached.sock' }],
  ['unix:/run/m@c:1.sock', { target: { path: '/run/m@c:1.sock' }, name: '/run/m@c:1.sock' }],
  ['user:secret@host:1', { ...tcp('host', 1), ...credentials('user', 'secret'), name: 'host:1' }],
  ['user:p@ss:w@rd@host', { ...tcp('host'), ...credentials('user', 'p@ss:w@rd') }],
  ['u%2Cs:p%40%25%3a@[::1]:2', { ...tcp('::1', 2), ...credentials('u,s', 'p@%:') }],
  ['user:a://b@host', { ...tcp('host'), ...credentials('user', 'a://b') }],
  [
    'user:secret@/run/m.sock',
    { target: { path: '/run/m.sock' }, ...credentials('user', 'secret') },
  ],
  ['tls://host:11214', { ...tcp('host', 11214), tls: true, name: 'host:11214' }],
  ['tls://user:secret@host', { ...tcp('host'), tls: true, ...credentials('user', 'secret') }],
]

for (const [text, wanted] of good) {
  test(`address ${text.trim()}`, (t) => {
    const parsed = parseAddresses(text)
    t.is(parsed.length, 1)
    t.like(parsed[0]!, wanted)
    t.is(parsed[0]!.credentials === undefined, !('credentials' in wanted))
  })
}

const bad: [text: string, named: RegExp][] = [
  ['', /empty/],
  ['a,,b', /empty/],
  ['a,', /empty/],
  [':11211', /host/],
  ['host:', /port/],
  ['host:0', /port/],
  ['host:65536', /port/],
  ['host:11211x', /port/],
  ['host:-1', /port/],
  ['host:1:2', /port/],
  ['ho st', /host.*"ho st"/],
  ['host/path', /host/],
  ['::1', /brackets, \[::1\]/],
  ['[::1', /no closing \]/],
  ['[::1]11211', /only :port/],
  ['[localhost]:1', /IPv6.*"localhost"/],
  ['[::1]:x', /port/],
  ['http://host', /scheme.*"http"/],
  ['unix:run/x.sock', /starts with \//],
  ['user@host', /user:password/],
  [':secret@host', /user:password/],
  ['user:@host', /user:password/],
  ['user:100%@host', /%25/],
  ['host,host:11211', /twice/],
]

for (const [text, named] of bad) {
  test(`no address: ${text}`, (t) => {
    t.throws(() => parseAddresses(text), { instanceOf: InvalidArgumentError, message: named })
  })
}

test('several addresses, in one text or in a list', (t) => {
  const names = (addresses: string | string[]) => parseAddresses(addresses).map(({ name }) => name)
  const wanted = ['a:1', 'b:11211', '[::1]:11211']
  t.deepEqual(names('a:1, b ,[::1]'), wanted)
  t.deepEqual(names(['a:1', 'b', '[::1]']), wanted)
  for (const none of [[], undefined, 11211, [11211], null]) {
    t.throws(() => parseAddresses(none as unknown as string[]), {
      instanceOf: InvalidArgumentError,
    })
  }
})

test('no error and no name tells a password', (t) => {
  for (const text of [
    ...['user:hunter2@ho st', 'user:hunter2@host:x', 'user:hunter2%@host', 'user:hunter2'],
    ...['user:hunter2,et@host', 'user:1,hunter2@host', 'user:1,hunt er2,hunter2@host'],
    ...['tls://user:hunter2', 'a,hunter2 ,user:@b', '[hunter2],a@b', 'a@b,hunter2*0'],
  ]) {
    const error = t.throws(() => parseAddresses(text), { instanceOf: InvalidArgumentError })
    t.false(JSON.stringify([error!.message, error!.actual]).includes('hunter2'))
  }
  t.false(parseAddresses('user:hunter2@host')[0]!.name.includes('hunter2'))
})

test('a weight follows an address after a star', (t) => {
  const weights = (text: string) => parseAddresses(text).map(({ name, weight }) => [name, weight])
  t.deepEqual(weights('a*2, [::1]:1*0.5, /run/m.sock*3, b:7'), [
    ['a:11211', 2],
    ['[::1]:1', 0.5],
    ['/run/m.sock', 3],
    ['b:7', 1],
  ])
  for (const text of ['a*0', 'a*1001', 'a*', 'a*-1', 'a*x', '*2']) {
    t.throws(() => parseAddresses(text), { instanceOf: InvalidArgumentError }, text)
  }
})

test('more replicas than servers are refused', (t) => {
  for (const [addresses, replicas] of [
    ['a', 2],
    ['a,b', 3],
    ['a,b', 0],
    ['a', 1.5],
  ] as const) {
    const refused = { instanceOf: InvalidArgumentError, message: /replicas/ }
    t.throws(() => memcached(addresses, { replicas }), refused)
  }
})
