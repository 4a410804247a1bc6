import test from 'ava'
import { BOUNDARY, formBody } from '../helpers/form.ts'
import { ask } from '../helpers/http.ts'
import { Random } from '../helpers/random.ts'
import { exchange } from '../helpers/raw-http.ts'
import { startTestServer } from '../helpers/server.ts'

/** `FUZZ_SEED=7 FUZZ_REQUESTS=50000 npx ava test/http/fuzz.test.ts` goes on for longer. */
const SEED = Number(process.env.FUZZ_SEED ?? 20_260)
const REQUESTS = Number(process.env.FUZZ_REQUESTS ?? 600)
/** Requests on their way at once. */
const LANES = 8

const METHODS = ['GET', 'GET', 'GET', 'HEAD', 'PUT', 'PUT', 'POST', 'POST', 'DELETE', 'OPTIONS']
const ODD_METHODS = ['PATCH', 'TRACE', 'PROPFIND', 'MKCOL', 'LOCK', 'PURGE', 'QUERY']
const HEADERS = [
  ...['Range', 'If-Range', 'If-Match', 'If-None-Match', 'If-Modified-Since', 'If-Unmodified-Since'],
  ...['Repr-Digest', 'Content-Digest', 'Digest', 'Want-Repr-Digest', 'Want-Digest', 'Accept'],
  ...['Content-Type', 'Content-Encoding', 'Content-Range', 'Accept-Encoding', 'TE', 'Trailer'],
  ...['Origin', 'Authorization', 'Cookie', 'X-Request-Id', 'traceparent', 'Depth', 'Forwarded'],
  ...['X-Forwarded-For', 'X-Forwarded-Host', 'X-HTTP-Method-Override', 'x-artifact-tag', 'Expect'],
  ...['Access-Control-Request-Method', 'Access-Control-Request-Headers', 'Upgrade', 'Keep-Alive'],
]
const PARAMETERS = ['ttl', 'verify', 'purge', 'name', 'download', 'from', 'manifest', 'health', 'x']

/** One request of a kind that nobody would write by hand. */
class Fuzzer {
  readonly #random: Random
  readonly #hash: string

  constructor(seed: number, hash: string) {
    this.#random = new Random(seed)
    this.#hash = hash
  }

  request(): string {
    const { pick, below } = this.#tools()
    const method = below(10) === 0 ? pick(ODD_METHODS) : pick(METHODS)
    const lines = [`${method} ${this.#target()} HTTP/1.1`, 'Host: x', 'Connection: close']
    for (let count = below(6); count > 0; count--) lines.push(`${pick(HEADERS)}: ${this.#value()}`)
    const body = method === 'GET' || method === 'HEAD' ? '' : this.#body()
    if (body !== '' && below(5) === 0) {
      lines.push('Transfer-Encoding: chunked', '')
      return `${lines.join('\r\n')}\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
    }
    if (body !== '') lines.push(`Content-Length: ${body.length}`)
    return `${lines.join('\r\n')}\r\n\r\n${body}`
  }

  #tools() {
    const random = this.#random
    return {
      pick: <T>(items: readonly T[]) => random.pick(items),
      below: (limit: number) => random.below(limit),
    }
  }

  #target(): string {
    const { pick, below } = this.#tools()
    const name = pick([
      'f',
      'dir/f',
      'none',
      '%00',
      '%zz',
      '%ff',
      '..%2f..',
      '%F0%9F%92%A9',
      '',
      '/',
      '//',
      '*',
      '%',
      this.#noise(40).replace(/[^!-~]/g, '') || 'x',
    ])
    const hash = pick([this.#hash, '0'.repeat(64), this.#hash.toUpperCase(), 'missing', 'x', '%2e'])
    const path = pick([
      `/files/${name}`,
      `/files/${name}`,
      `/blobs/${hash}`,
      `/blobs/${hash}/${pick(['manifest', 'health', 'x', ''])}`,
      ...['/files', '/files/', '/blobs', '/blobs/missing', '/', '/healthz', '/readyz', '/metrics'],
      ...[
        '/openapi.json',
        '/fleet',
        '/assets/x',
        `/ac/${hash}`,
        `/p/cas/${hash}`,
        `/v8/artifacts/${name}`,
      ],
      ...[
        '/v8/artifacts',
        '/v8/artifacts/events',
        `/v1/cache/${name}`,
        `/${name}`,
        '*',
        'http://other/files/f',
      ],
    ])
    const query = Array.from({ length: below(4) }, () => {
      const value = pick([
        '',
        '1',
        'true',
        'full',
        'stream',
        '-1',
        '1e99',
        hash,
        '%00',
        '%zz',
        'x'.repeat(below(3000)),
      ])
      return `${pick(PARAMETERS)}${pick(['=', ''])}${value}`
    })
    return query.length === 0 ? path : `${path}?${query.join('&')}`
  }

  #value(): string {
    const { pick, below } = this.#tools()
    return pick([
      ...[
        '',
        '*',
        '0',
        '-1',
        'null',
        'gzip',
        'br',
        'identity',
        'bytes=0-',
        'bytes=-5',
        'bytes=5-2',
      ],
      ...[
        'bytes=0-1,3-4,2-9',
        `bytes=${'0-0,'.repeat(below(300))}`,
        'bytes=9999999999999999999-',
        'lines=1-2',
      ],
      `"${this.#hash}"`,
      `W/"${this.#hash}", *`,
      `sha-256=:${Buffer.from(this.#hash, 'hex').toString('base64')}:`,
      ...[
        'sha-256=:AAAA:',
        'sha-256',
        'SHA-256=????',
        '(((',
        'sha-256=1;q="',
        'sha-256=0, unixsum=1',
      ],
      ...[
        'Sun, 06 Nov 1994 08:49:37 GMT',
        'Sun Nov  6 08:49:37 1994',
        'Sun, 99 Nov 9999 99:99:99 GMT',
      ],
      ...['text/html', 'application/json', 'multipart/form-data', 'multipart/form-data; boundary='],
      `multipart/form-data; boundary=${BOUNDARY}`,
      ...[
        '100-continue',
        'Bearer x',
        'Basic eDp5',
        'Basic ====',
        '00-0-0-00',
        '1',
        'infinity',
        ';=,"',
      ],
      this.#noise(200),
      'x'.repeat(below(5000)),
    ])
  }

  #body(): string {
    const { pick, below } = this.#tools()
    const form = formBody({ filename: this.#noise(9), content: this.#noise(50) }).toString('latin1')
    return pick([
      ...[
        '',
        'content',
        '{"hashes":[]}',
        `{"hashes":["${this.#hash}"]}`,
        '{"hashes":[null]}',
        '[[[[',
        '\0',
      ],
      form,
      form.slice(0, below(form.length)),
      this.#noise(2000),
    ])
  }

  /** Letters that a header value may hold, and some that it may not. */
  #noise(length: number): string {
    const { below } = this.#tools()
    const first = below(20) === 0 ? 1 : 0x20
    const letters = Array.from({ length: below(length) }, () => first + below(0x100 - first))
    return String.fromCharCode(...letters.filter((code) => code !== 10 && code !== 13))
  }
}

test(`whatever is sent, the answer is no fault of the server (seed ${SEED})`, async (t) => {
  t.timeout(20 * 60_000)
  const { url, store } = await startTestServer(t, { store: { chunkSize: 10 } })
  const { hash } = await store.put('a file of several chunks', { name: 'f', type: 'text/plain' })
  await store.put('another', { name: 'dir/f' })
  const fuzzer = new Fuzzer(SEED, hash)
  const statuses = new Map<number, number>()
  let left = REQUESTS
  const lane = async () => {
    while (left-- > 0) {
      const request = fuzzer.request()
      const answer = await exchange(t, url, request)
      const status = Number(
        /^HTTP\/1\.1 (?:100 Continue\r\n\r\nHTTP\/1\.1 )?(\d{3}) /.exec(answer)?.[1],
      )
      const isFine = status >= 200 && (status < 500 || status === 503 || status === 507)
      if (!isFine) t.fail(`${status} for ${JSON.stringify(request)}: ${answer.slice(0, 300)}`)
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
    }
  }
  await Promise.all(Array.from({ length: LANES }, lane))
  t.log(Object.fromEntries([...statuses].sort()))
  t.true(statuses.size > 8, 'requests of many kinds were understood')
  t.is(store.memoryUsage.used, 0)
  t.is((await ask(`${url}/healthz`)).status, 200)
})
