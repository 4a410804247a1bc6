import test from 'ava'
import { raw } from '../../helpers/origin.ts'
import { startFilled } from './setup.ts'

/**
 * Those of the required tests of the public suite for HTTP caches (http-tests/cache-tests) that concern what is
 * stored, by their names there: whether a second request is answered without the origin. docs/origin.md says
 * why the others do not apply.
 */
type Fields = readonly (readonly [string, string])[]
const at = (seconds: number) => new Date(Date.now() + seconds * 1000).toUTCString()
const now = ['Date', at(0)] as const
const fresh = ['Cache-Control', 'max-age=3600'] as const
const explicit = [['Expires', at(5000)], ['Last-Modified', at(-3000)], now] as const
const past = [['Expires', at(-5000)], ['Last-Modified', at(-100_000)], now] as const

const notReused: [string, Fields][] = [
  ['freshness-max-age-0', [['Cache-Control', 'max-age=0']]],
  ['freshness-max-age-age', [fresh, ['Age', '7200']]],
  ['freshness-max-age-0-expires', [['Cache-Control', 'max-age=0'], ['Expires', at(3600)], now]],
  ['freshness-max-age-negative', [['Cache-Control', 'max-age=-3600']]],
  ['freshness-max-age-single-quoted', [['Cache-Control', "max-age='3600'"]]],
  ['freshness-max-age-s-maxage-shared-longer', [['Cache-Control', 'max-age=3600, s-maxage=0']]],
  ['freshness-max-age-s-maxage-shared-longer-multiple', [fresh, ['Cache-Control', 's-maxage=0']]],
  ['freshness-max-age-ignore-quoted', [['Cache-Control', 'extension="max-age=3600", max-age=0']]],
  [
    'freshness-max-age-ignore-quoted-rev',
    [['Cache-Control', 'max-age=0, extension="max-age=3600"']],
  ],
  ['age-parse-nonnumeric', [fresh, ['Age', 'abc']]],
  ['age-parse-negative', [fresh, ['Age', '-7200']]],
  ['age-parse-float', [fresh, ['Age', '7200.0']]],
  ['age-parse-suffix', [fresh, ['Age', 'old, 0']]],
  ['age-parse-prefix', [fresh, ['Age', '0, old']]],
  ['age-parse-suffix-twoline', [fresh, ['Age', 'old'], ['Age', '0']]],
  ['age-parse-prefix-twoline', [fresh, ['Age', '0'], ['Age', 'old']]],
  ['age-parse-dup-0-twoline', [fresh, ['Age', '0'], ['Age', '0']]],
  ['age-parse-parameter', [fresh, ['Age', '0; foo=bar']]],
  ['freshness-expires-past', [['Expires', at(-3600)], now]],
  ['freshness-expires-present', [['Expires', now[1]], now]],
  [
    'freshness-expires-old-date',
    [
      ['Expires', at(3600)],
      ['Date', at(3700)],
    ],
  ],
  ['freshness-expires-invalid', [['Expires', '0'], now]],
  ['freshness-expires-age-slow-date', [['Expires', at(3600)], now, ['Age', '7200']]],
  ['cc-resp-private-shared', [['Cache-Control', 'private, max-age=3600']]],
  ['cc-resp-no-store', [['Cache-Control', 'no-store']]],
  ['cc-resp-no-store-case-insensitive', [['Cache-Control', 'No-StOrE']]],
  [
    'cc-resp-no-store-fresh',
    [
      ['Cache-Control', 'max-age=10000, no-store'],
      ['Expires', at(10_000)],
    ],
  ],
  [
    'cc-resp-no-cache',
    [
      ['Cache-Control', 'max-age=10000, no-cache'],
      ['Expires', at(10_000)],
    ],
  ],
  ['cc-resp-no-cache-case-insensitive', [['Cache-Control', 'max-age=10000, No-CaChE']]],
  ['status-200-stale', past],
  ['vary-no-match, vary-omit', [...explicit, ['Vary', 'Foo']]],
  ['vary-2-no-match', [...explicit, ['Vary', 'Foo, Bar']]],
  ['vary-star', [...explicit, ['Vary', '*']]],
  ['vary-syntax-star-star-lines', [...explicit, ['Vary', '*'], ['Vary', '*']]],
  ['vary-syntax-empty-star-lines', [...explicit, ['Vary', ''], ['Vary', '*']]],
  ['vary-syntax-foo-star', [...explicit, ['Vary', 'Foo, *']]],
]
const reused: [string, Fields][] = [
  ['freshness-max-age', [fresh]],
  ['freshness-s-maxage-shared', [['Cache-Control', 's-maxage=3600']]],
  ['freshness-max-age-leading-zero', [['Cache-Control', 'max-age=003600']]],
  ['freshness-max-age-case-insensitive', [['Cache-Control', 'MaX-aGe=3600']]],
  ['freshness-expires-future', [['Expires', at(3600)], now]],
  ['cc-resp-must-revalidate-fresh', [['Cache-Control', 'max-age=3600, must-revalidate']]],
  ['vary by Accept-Encoding, which is always the same', [...explicit, ['Vary', 'Accept-Encoding']]],
]
const all = [
  ...notReused.map(([id, fields]) => [id, fields, 2] as const),
  ...reused.map(([id, fields]) => [id, fields, 1] as const),
]
for (const [id, fields, fetches] of all) {
  test(`${id}: ${fetches === 1 ? 'reused' : 'not reused'}`, async (t) => {
    const { double, get } = await startFilled(t)
    const lines = fields.map(([name, value]) => `${name}: ${value}`)
    double.on('f', raw('HTTP/1.1 200 OK', ...lines, 'Content-Length: 7', '', 'content'))
    for (let i = 0; i < 2; i++) {
      const answer = await get('/files/f')
      t.is(answer.status, 200)
      t.is(answer.text, 'content')
    }
    t.is(double.count('f'), fetches)
  })
}

const statuses = [201, 202, 204, 299, 300, 400, 403, 499, 500, 502, 503, 504, 599]
for (const status of statuses) {
  test(`status-${status}-stale, heuristic-${status}: no file`, async (t) => {
    const { double, get } = await startFilled(t)
    const lines = [['Last-Modified', at(-100_000)], fresh].map(
      ([name, value]) => `${name}: ${value}`,
    )
    double.on('f', raw(`HTTP/1.1 ${status} X`, ...lines, 'Content-Length: 0', '', ''))
    t.is((await get('/files/f')).status, 502)
  })
}
