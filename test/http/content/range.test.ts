import test from 'ava'
import { memory } from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { FaultyEngine } from '../../helpers/faulty-engine.ts'
import { ask } from '../../helpers/http.ts'
import { backdate } from '../../helpers/records.ts'
import { startTestServer } from '../../helpers/server.ts'

const content = bytes('ranges', 10_500)

/** A file of eleven chunks, and which of them are read. */
async function serve(t: Parameters<typeof startTestServer>[0]) {
  const engine = new FaultyEngine(memory())
  const server = await startTestServer(t, { engine, store: { chunkSize: 1000 } })
  const { hash } = await server.store.put(content, { name: 'f', type: 'text/plain' })
  const { manifest } = await server.store.get('f')
  const keys = Array.from(manifest.chunks(), ({ digest }) => `c:${digest.hex}`)
  const read: number[] = []
  engine.get = (key, prove, options) => {
    if (keys.includes(key)) read.push(keys.indexOf(key))
    return engine.inner.get(key, prove, options)
  }
  const get = (range: string, headers = {}, method = 'GET') =>
    ask(`${server.url}/files/f`, { method, headers: { Range: range, ...headers } })
  return { ...server, hash, read, get, engine }
}

test('a single range is 206, reads the chunks it needs and no other', async (t) => {
  const { get, read } = await serve(t)
  const table = [
    { range: 'bytes=0-0', from: 0, to: 1, chunks: [0] },
    { range: 'bytes=999-1000', from: 999, to: 1001, chunks: [0, 1] },
    { range: 'bytes=3000-3999', from: 3000, to: 4000, chunks: [3] },
    { range: 'bytes=9990-', from: 9990, to: 10_500, chunks: [9, 10] },
    { range: 'bytes=-1', from: 10_499, to: 10_500, chunks: [10] },
    { range: 'bytes=-501', from: 9999, to: 10_500, chunks: [9, 10] },
    { range: 'bytes=10000-99999999999999999999', from: 10_000, to: 10_500, chunks: [10] },
    { range: 'BYTES= 5-6 ', from: 5, to: 7, chunks: [0] },
  ]
  for (const { range, from, to, chunks } of table) {
    read.length = 0
    const answer = await get(range)
    t.is(answer.status, 206, range)
    t.is(answer.headers['content-range'], `bytes ${from}-${to - 1}/10500`, range)
    t.is(answer.headers['content-length'], String(to - from), range)
    t.is(answer.headers['content-type'], 'text/plain')
    t.deepEqual(answer.body, content.subarray(from, to), range)
    t.deepEqual(
      read.sort((a, b) => a - b),
      chunks,
      range,
    )
  }
})

test('a range of everything and more is 206 with everything', async (t) => {
  const { get } = await serve(t)
  for (const range of ['bytes=0-', 'bytes=-20000', 'bytes=0-20000', 'bytes=0-5000,5001-']) {
    const answer = await get(range)
    t.is(answer.status, 206, range)
    t.is(answer.headers['content-range'], 'bytes 0-10499/10500')
    t.deepEqual(answer.body, content)
  }
})

test('several ranges are multipart/byteranges, in the order asked for', async (t) => {
  const { get, read } = await serve(t)
  const answer = await get('bytes=5000-5009, 0-4,-3')
  t.is(answer.status, 206)
  t.is(answer.headers['content-range'], undefined)
  const boundary = /^multipart\/byteranges; boundary=(\w+)$/.exec(
    answer.headers['content-type']!,
  )?.[1]
  const part = (from: number, to: number) =>
    Buffer.concat([
      Buffer.from(
        `--${boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes ${from}-${to - 1}/10500\r\n\r\n`,
      ),
      content.subarray(from, to),
      Buffer.from('\r\n'),
    ])
  const expected = Buffer.concat([
    part(5000, 5010),
    part(0, 5),
    part(10_497, 10_500),
    Buffer.from(`--${boundary}--\r\n`),
  ])
  t.deepEqual(answer.body, expected)
  t.is(answer.headers['content-length'], String(expected.length))
  t.deepEqual(
    read.sort((a, b) => a - b),
    [0, 5, 10],
  )
})

test('ranges that overlap or touch are sent once', async (t) => {
  const { get } = await serve(t)
  const answer = await get(
    `bytes=${Array.from({ length: 99 }, () => '0-10399').join(',')},10400-10410`,
  )
  t.is(answer.status, 206)
  t.is(answer.headers['content-range'], 'bytes 0-10410/10500')
  t.is(answer.body.length, 10_411)
})

test('more ranges than are sensible, other units and what is no range are ignored', async (t) => {
  const { get } = await serve(t)
  const tiny = Array.from({ length: 101 }, (_, index) => `${index * 2}-${index * 2}`).join(',')
  const ignored = ['items=0-1', 'bytes', 'bytes=', 'bytes=,', 'bytes=-', 'bytes=a-b', 'bytes=5-2']
  for (const range of [...ignored, `bytes=${tiny}`, 'bytes=0-1,x', 'bytes=0x1-2', 'bytes=1-2-3']) {
    const answer = await get(range)
    t.is(answer.status, 200, range)
    t.is(answer.body.length, 10_500)
  }
})

test('a range that the file does not have is 416 with its length, and reads nothing', async (t) => {
  const { get, read } = await serve(t)
  for (const range of [
    'bytes=10500-',
    'bytes=-0',
    'bytes=99999-100000,20000-',
    'bytes=10500-10600',
  ]) {
    const answer = await get(range)
    t.is(answer.status, 416, range)
    t.is(answer.headers['content-range'], 'bytes */10500')
    t.like(answer.json(), { reason: 'range-not-satisfiable', status: 416 })
  }
  t.deepEqual(read, [])
})

test('an empty file is 200 whatever part of it is asked for', async (t) => {
  const { url, store } = await startTestServer(t)
  await store.put('', { name: 'empty' })
  for (const range of ['bytes=0-', 'bytes=-5', 'bytes=3-4']) {
    const answer = await ask(`${url}/files/empty`, { headers: { Range: range } })
    t.is(answer.status, 200)
    t.is(answer.headers['content-length'], '0')
  }
})

test('HEAD knows no ranges', async (t) => {
  const { get, read } = await serve(t)
  const answer = await get('bytes=0-4', {}, 'HEAD')
  t.is(answer.status, 200)
  t.is(answer.headers['content-length'], '10500')
  t.is(answer.headers['accept-ranges'], 'bytes')
  t.deepEqual(read, [])
})

test('If-Range lets a range through for the same content only', async (t) => {
  const { get, hash, engine } = await serve(t)
  const modified = new Date(await backdate(engine, 'f'))
  const earlier = new Date(modified.getTime() - 5000).toUTCString()
  const table = [
    { ifRange: `"${hash}"`, status: 206 },
    { ifRange: modified.toUTCString(), status: 206 },
    { ifRange: `W/"${hash}"`, status: 200 },
    { ifRange: '"other"', status: 200 },
    { ifRange: '*', status: 200 },
    { ifRange: `"${hash}", "${hash}"`, status: 200 },
    { ifRange: [`"${hash}"`, `"${hash}"`], status: 200 },
    { ifRange: `"other", "${hash}"`, status: 200 },
    { ifRange: `x"${hash}"`, status: 200 },
    { ifRange: `"${hash}" junk`, status: 200 },
    { ifRange: hash, status: 200 },
    { ifRange: '', status: 200 },
    { ifRange: earlier, status: 200 },
    { ifRange: 'yesterday', status: 200 },
  ]
  for (const { ifRange, status } of table) {
    t.is((await get('bytes=0-4', { 'If-Range': ifRange })).status, status, String(ifRange))
  }
  t.is((await get('bytes=20000-', { 'If-Range': '"other"' })).status, 200)
})

test('a part whose chunks are there is served from a file that lost others', async (t) => {
  const { get, engine, store } = await serve(t)
  const { digest } = (await store.get('f')).manifest.chunk(7)
  await engine.delete(`c:${digest.hex}`)
  t.is((await get('bytes=0-6999')).status, 206)
  const lost = await get('bytes=0-0,7000-7001')
  t.is(lost.status, 404)
  t.like(lost.json(), { reason: 'evicted' })
  t.is(lost.headers['content-range'], undefined)
})

test('ranges larger than the memory budget are verified first and read twice', async (t) => {
  const engine = new FaultyEngine(memory())
  const store = { chunkSize: 1000, memory: { total: 8000, perRead: 2000 } }
  const { url, store: files } = await startTestServer(t, { engine, store })
  const { hash } = await files.put(content)
  let gets = 0
  engine.get = (key, prove, options) => {
    if (key.startsWith('c:')) gets++
    return engine.inner.get(key, prove, options)
  }
  const range = (headers: object) => ask(`${url}/blobs/${hash}`, { headers: { ...headers } })

  const answer = await range({ Range: 'bytes=500-4499,6000-8999' })
  t.is(answer.status, 206)
  t.true(answer.body.includes(content.subarray(500, 4500)))
  t.true(answer.body.includes(content.subarray(6000, 9000)))
  t.is(gets, 1 + 2 * 8) // The first is the chunk of a small file, asked for along with the link.
})
