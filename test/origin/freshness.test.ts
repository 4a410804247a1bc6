import type { IncomingHttpHeaders } from 'node:http'
import test from 'ava'
import { freshnessOf, strictest } from '../../src/origin/freshness.ts'

const options = { ttl: 60, staleIfError: 0, ignoredVary: new Set(['accept-encoding']) }
const at = (seconds: number) => new Date(Date.UTC(2026, 0, 1) + seconds * 1000).toUTCString()
const date = at(0)

/** Seconds, or why it is not stored. The names in front are those of the public suite for HTTP caches. */
const answers: [string, IncomingHttpHeaders, number | 'not stored'][] = [
  ['nothing', {}, 60],
  ['heuristic: Last-Modified alone', { 'last-modified': at(-1e7), date }, 60],
  ['freshness-max-age', { 'cache-control': 'max-age=3600' }, 3600],
  ['freshness-max-age-0', { 'cache-control': 'max-age=0' }, 0],
  ['freshness-max-age-age', { 'cache-control': 'max-age=3600', age: '7200' }, 0],
  ['freshness-max-age-0-expires', { 'cache-control': 'max-age=0', date, expires: at(3600) }, 0],
  ['freshness-max-age-negative', { 'cache-control': 'max-age=-3600' }, 0],
  ['freshness-max-age-stale', { 'cache-control': 'max-age=3600', age: '3599' }, 1],
  ['freshness-s-maxage-shared', { 'cache-control': 's-maxage=3600' }, 3600],
  ['freshness-max-age-s-maxage-shared-longer', { 'cache-control': 'max-age=3600, s-maxage=1' }, 1],
  [
    'freshness-max-age-s-maxage-shared-longer-reversed',
    { 'cache-control': 's-maxage=1, max-age=3600' },
    1,
  ],
  ['freshness-max-age-case-insensitive', { 'cache-control': 'MaX-aGe=3600' }, 3600],
  ['freshness-max-age-quoted', { 'cache-control': 'max-age="3600"' }, 3600],
  ['freshness-max-age-single-quoted', { 'cache-control': "max-age='3600'" }, 0],
  [
    'freshness-max-age-ignore-quoted',
    { 'cache-control': 'extension="max-age=3600", max-age=1' },
    1,
  ],
  [
    'freshness-max-age-ignore-quoted-rev',
    { 'cache-control': 'max-age=1, extension="max-age=3600"' },
    1,
  ],
  [
    'freshness-max-age-ignore-quoted-all',
    { 'cache-control': 'extension="max-age=3600", max-age="1"' },
    1,
  ],
  ['freshness-max-age-leading-zero', { 'cache-control': 'max-age=003600' }, 3600],
  ['freshness-max-age-decimal', { 'cache-control': 'max-age=3600.0' }, 0],
  ['freshness-max-age-max-plus', { 'cache-control': 'max-age=99999999999' }, 2 ** 31],
  ['freshness-max-age-two-fresh-stale', { 'cache-control': 'max-age=1800, max-age=1' }, 1],
  ['freshness-max-age-two-stale-fresh', { 'cache-control': 'max-age=1, max-age=1800' }, 1],
  ['age-parse-nonnumeric', { 'cache-control': 'max-age=3600', age: 'abc' }, 0],
  ['age-parse-negative', { 'cache-control': 'max-age=3600', age: '-7200' }, 0],
  ['age-parse-float', { 'cache-control': 'max-age=3600', age: '7200.0' }, 0],
  ['age-parse-suffix', { 'cache-control': 'max-age=3600', age: 'old,0' }, 0],
  ['age-parse-prefix', { 'cache-control': 'max-age=3600', age: '0, old' }, 0],
  ['age-parse-dup-0', { 'cache-control': 'max-age=3600', age: '0, 0' }, 0],
  ['age-parse-parameter', { 'cache-control': 'max-age=3600', age: '0;foo=bar' }, 0],
  ['freshness-expires-future', { date, expires: at(3600) }, 3600],
  ['freshness-expires-past', { date, expires: at(-1) }, 0],
  ['freshness-expires-present', { date, expires: date }, 0],
  ['freshness-expires-invalid', { date, expires: '0' }, 0],
  ['Expires that is a number', { date, expires: '3600' }, 0],
  ['Expires that is no HTTP date', { date, expires: '2099-01-01' }, 0],
  ['Date that is no date', { date: '0', expires: at(-3600) }, 0],
  ['no-store behind a quote without an end', { 'cache-control': 'x="y, no-store' }, 'not stored'],
  ['private in quotes without an end', { 'cache-control': 'no-cache="a, private' }, 'not stored'],
  ['freshness-expires-age', { date, expires: at(3600), age: '7200' }, 0],
  ['cc-resp-private-shared', { 'cache-control': 'private, max-age=3600' }, 'not stored'],
  ['private with fields', { 'cache-control': 'private="a, b", max-age=3600' }, 'not stored'],
  ['cc-resp-no-store', { 'cache-control': 'no-store' }, 'not stored'],
  ['cc-resp-no-store-case-insensitive', { 'cache-control': 'No-StOrE' }, 'not stored'],
  [
    'cc-resp-no-store-fresh',
    { 'cache-control': 'max-age=10000, no-store', date, expires: at(10000) },
    'not stored',
  ],
  ['cc-resp-no-cache', { 'cache-control': 'max-age=10000, no-cache' }, 0],
  ['cc-resp-no-cache-case-insensitive', { 'cache-control': 'No-CaChE, max-age=9' }, 0],
  ['cc-resp-must-revalidate-fresh', { 'cache-control': 'max-age=3600, must-revalidate' }, 3600],
  ['proxy-revalidate', { 'cache-control': 'max-age=3600, proxy-revalidate' }, 3600],
  ['pragma-response-no-cache', { pragma: 'no-cache' }, 0],
  ['pragma beside Cache-Control', { pragma: 'no-cache', 'cache-control': 'max-age=9' }, 9],
  ['vary-star', { vary: '*', 'cache-control': 'max-age=9' }, 'not stored'],
  ['vary-syntax-empty-star', { vary: ', *', 'cache-control': 'max-age=9' }, 'not stored'],
  ['vary-syntax-star-foo', { vary: '*, Accept-Encoding' }, 'not stored'],
  [
    'vary-no-match',
    { vary: 'Accept-Encoding, Cookie', 'cache-control': 'max-age=9' },
    'not stored',
  ],
  ['Vary by what is never sent', { vary: 'accept-ENCODING', 'cache-control': 'max-age=9' }, 9],
  ['a cookie', { 'set-cookie': ['a=b'], 'cache-control': 'max-age=9' }, 'not stored'],
  ['a cookie for all', { 'set-cookie': ['a=b'], 'cache-control': 'public, max-age=9' }, 9],
]
for (const [what, headers, expected] of answers) {
  test(`freshness: ${what} ${JSON.stringify(headers)}`, (t) => {
    const { isStorable, ttl } = freshnessOf(headers, options)
    t.is(isStorable ? ttl : 'not stored', expected)
  })
}

const stale: [string, number, number][] = [
  ['max-age=1, stale-while-revalidate=10, stale-if-error=20', 10, 20],
  ['max-age=1, must-revalidate, stale-while-revalidate=10, stale-if-error=20', 0, 0],
  ['max-age=1, proxy-revalidate, stale-while-revalidate=10', 0, 0],
  ['no-cache, stale-if-error=20', 0, 0],
  ['s-maxage=1, stale-while-revalidate=10', 10, 0],
  ['max-age=1', 0, 0],
]
for (const [control, whileRevalidate, ifError] of stale) {
  test(`past its end: ${control}`, (t) => {
    const freshness = freshnessOf({ 'cache-control': control }, options)
    t.like(freshness, { whileRevalidate, ifError })
  })
}

test('a field of any length is read in linear time', (t) => {
  for (const part of [' ', ',', '"', '=', ' =', '\\', 'a ', '"\\']) {
    const control = `max-age=5, x=${part.repeat(200_000)}`
    const start = performance.now()
    freshnessOf({ 'cache-control': control, vary: part.repeat(200_000) }, options)
    freshnessOf({ 'cache-control': control }, options)
    t.true(performance.now() - start < 2000, part)
  }
})

test('what is old already has less time left to be stale', (t) => {
  const control = 'max-age=1, stale-while-revalidate=10'
  t.like(freshnessOf({ 'cache-control': control, age: '5' }, options), { whileRevalidate: 6 })
  t.like(freshnessOf({ 'cache-control': control, age: '50' }, options), { whileRevalidate: 0 })
})

test('a redirect that varies decides whether the answer is stored, and no time', (t) => {
  const answer = freshnessOf({ 'cache-control': 'max-age=3600' }, options)
  t.deepEqual(strictest(answer, { vary: 'Accept-Encoding' }, options), answer)
  t.false(strictest(answer, { vary: 'Cookie' }, options).isStorable)
})

test('the setting for a failing origin counts unless the answer forbids it', (t) => {
  const lenient = { ...options, staleIfError: 100 }
  t.is(freshnessOf({ 'cache-control': 'max-age=1' }, lenient).ifError, 100)
  t.is(freshnessOf({ 'cache-control': 'max-age=1, must-revalidate' }, lenient).ifError, 0)
  t.is(freshnessOf({ 'cache-control': 's-maxage=1' }, lenient).ifError, 0)
  t.is(freshnessOf({ 'cache-control': 's-maxage=1, stale-if-error=9' }, lenient).ifError, 9)
})

test('a redirect that says how long it holds makes the answer no fresher', (t) => {
  const answer = freshnessOf({ 'cache-control': 'max-age=100, stale-if-error=5' }, options)
  const after = (headers: IncomingHttpHeaders) => strictest(answer, headers, options)
  t.deepEqual(after({}), answer)
  t.is(after({ 'cache-control': 'max-age=10' }).ttl, 10)
  t.is(after({ date, expires: at(20) }).ttl, 20)
  t.is(after({ 'cache-control': 'max-age=1000' }).ttl, 100)
  t.false(after({ 'cache-control': 'no-store' }).isStorable)
})
