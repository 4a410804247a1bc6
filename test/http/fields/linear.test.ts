import type { IncomingHttpHeaders } from 'node:http'
import test from 'ava'
import fc from 'fast-check'
import { AC_PATH, CAS_PATH, NX_PATH, TURBOREPO } from '../../../src/api/build-paths.ts'
import { evaluate, mayServeRange } from '../../../src/api/preconditions.ts'
import { parseRange } from '../../../src/api/range.ts'
import { boundaryIn } from '../../../src/http/body/form-body.ts'
import type { Exchange } from '../../../src/http/exchange/exchange.ts'
import { requestId, traceId } from '../../../src/http/exchange/request-id.ts'
import { digestFields, expectedDigest } from '../../../src/http/fields/digests.ts'
import { parseDisposition } from '../../../src/http/fields/disposition.ts'
import { RequestQuery } from '../../../src/http/fields/query.ts'
import { tokenOf } from '../../../src/http/guard/tokens.ts'
import { entryName } from '../../../src/http/routes/build/entry.ts'
import { Digest } from '../../../src/index.ts'

const digest = Digest.of(Buffer.from('content'))
const current = { hash: digest.hex, lastModified: new Date() }
const header = (name: string) => (text: string) => ({ [name]: text }) as IncomingHttpHeaders

/** Everything that reads what a client has written. */
const readers: Record<string, (text: string) => unknown> = {
  digest: (text) => expectedDigest(header('digest')(text)),
  'repr-digest': (text) => expectedDigest(header('repr-digest')(text)),
  'content-digest': (text) => expectedDigest(header('content-digest')(text)),
  'want-digest': (text) => digestFields(header('want-digest')(text), digest),
  'want-repr-digest': (text) => digestFields(header('want-repr-digest')(text), digest),
  range: (text) => parseRange(text, 1000),
  'if-range': (text) => mayServeRange(text, current),
  'if-match': (text) => evaluate('PUT', header('if-match')(text), current),
  'if-none-match': (text) =>
    ['GET', 'PUT'].map((method) => evaluate(method, header('if-none-match')(text), current)),
  'if-modified-since': (text) => evaluate('GET', header('if-modified-since')(text), current),
  authorization: tokenOf,
  'x-request-id': (text) => requestId(header('x-request-id')(text)),
  traceparent: (text) => traceId(header('traceparent')(text)),
  'content-disposition': (text) => parseDisposition(`form-data; name="f"; ${text}`),
  boundary: (text) => boundaryIn(`multipart/form-data; ${text}`),
  query: (text) => RequestQuery.parse(`?${text}`).text('name'),
  entry: (text) => entryName({ path: `/${text}` } as Exchange),
  paths: (text) =>
    [AC_PATH, CAS_PATH, NX_PATH, ...Object.values(TURBOREPO)].map((p) => p.test(text)),
}

/** Four times what a header may have: what is quadratic takes seconds then, what is linear milliseconds. */
const HALF = 30_000

const PARTS = [
  'sha-256',
  'sha-256=',
  'SHA-256;q=',
  'bytes=',
  'Bearer ',
  'W/"',
  '/ac/',
  '/v1/cache/',
  'filename="',
  "filename*=UTF-8''",
  'boundary=',
  'a',
  '',
]
const RUNS = [
  ' ',
  '\t',
  '"',
  ',',
  ';',
  '=',
  ':',
  '/',
  '-',
  '0',
  'a',
  ', ',
  '"a',
  ';q=',
  '0-,',
  'W/',
  '%2',
  '\\"',
  ';boundary=',
]
const ENDS = ['', 'x', '"', ':', '=', '/']

for (const [name, read] of Object.entries(readers)) {
  test(`long fields are read in no more than linear time: ${name}`, (t) => {
    const timed = (text: string) => {
      const start = performance.now()
      try {
        read(text)
      } catch {
        // It is the time that counts.
      }
      return performance.now() - start
    }
    const parts = fc.tuple(
      fc.constantFrom(...PARTS),
      fc.constantFrom(...RUNS),
      fc.constantFrom(...RUNS),
      fc.constantFrom(...ENDS),
    )
    const texts = fc.property(parts, ([start, first, second, end]) => {
      const run = first.repeat(HALF / first.length) + second.repeat(HALF / second.length)
      const text = start + run + end
      // The best of three: others have the processor too.
      return Math.min(timed(text), timed(text), timed(text)) < 300
    })
    t.notThrows(() => fc.assert(texts, { numRuns: 100 }))
  })
}
