import { setTimeout as sleep } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import { memory } from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { deferred } from '../../helpers/deferred.ts'
import { FaultyEngine } from '../../helpers/faulty-engine.ts'
import { BOUNDARY, formBody, formType, partBytes, partHead } from '../../helpers/form.ts'
import { ask } from '../../helpers/http.ts'
import { connectRaw } from '../../helpers/raw-http.ts'
import { startTestServer } from '../../helpers/server.ts'
import { until, watched } from '../../helpers/watchdog.ts'

const END = `\r\n--${BOUNDARY}--\r\n`
const whole = { filename: 'whole', content: 'complete before anything goes wrong' }

/** A server on which nothing may be linked. */
async function startUnlinked(t: ExecutionContext, options = {}) {
  const engine = new FaultyEngine(memory())
  engine.add = async (key) => t.fail(`linked ${key}`)
  return startTestServer(t, { engine, ...options })
}

const post = (url: string, body: string | Buffer, headers: object = formType()) =>
  ask(`${url}/files`, { method: 'POST', headers: { ...headers }, body })

test('a broken form is 400 and links nothing', async (t) => {
  const { url, store } = await startUnlinked(t)
  const start = partBytes(whole).toString()
  const table = [
    { why: 'nothing', body: '' },
    { why: 'no form', body: 'just text' },
    { why: 'no end', body: start },
    { why: 'an end in the middle of a boundary', body: `${start}--${BOUNDARY.slice(0, 9)}` },
    { why: 'an end within a header', body: `${start}--${BOUNDARY}\r\nContent-Dispo` },
    {
      why: 'an end within a header value',
      body: `${start}--${BOUNDARY}\r\nContent-Disposition: form`,
    },
    {
      why: 'an end within content',
      body: Buffer.concat([Buffer.from(start), partHead({ filename: 'x' }), Buffer.from('half')]),
    },
    {
      why: 'a header without a name',
      body: `${start}--${BOUNDARY}\r\n: x\r\n\r\n\r\n--${BOUNDARY}--`,
    },
    {
      why: 'a header with strange letters',
      body: `${start}--${BOUNDARY}\r\nWh@t: x\r\n\r\n\r\n--${BOUNDARY}--`,
    },
    {
      why: 'no boundary',
      body: formBody(whole),
      headers: { 'Content-Type': 'multipart/form-data' },
    },
    { why: 'an empty boundary', body: formBody(whole), headers: formType('') },
    { why: 'a long boundary', body: formBody(whole), headers: formType('b'.repeat(71)) },
    { why: 'another boundary', body: formBody(whole), headers: formType('other') },
    { why: 'a form within a form', body: formBody(whole, { type: 'multipart/mixed; boundary=x' }) },
    { why: 'base64', body: formBody({ ...whole, headers: ['Content-Transfer-Encoding: base64'] }) },
    {
      why: 'an unknown coding',
      body: formBody({ ...whole, headers: ['Content-Transfer-Encoding: x'] }),
    },
    { why: 'no boundary but its beginning', body: formBody(whole), headers: formType('b"') },
    { why: 'a boundary and more in its line', body: `${start}--${BOUNDARY}x\r\n\r\n${END}` },
    { why: 'more after the end in its line', body: `${start}--${BOUNDARY}--x\r\n` },
    { why: 'lines that end in LF', body: formBody(whole).toString().replaceAll('\r\n', '\n') },
    { why: 'no header', body: `${start}--${BOUNDARY}\r\n\r\n${END}` },
    { why: 'no disposition', body: `${start}--${BOUNDARY}\r\nContent-Type: a/b\r\n\r\n${END}` },
    {
      why: 'two',
      body: formBody({ ...whole, headers: ['Content-Disposition: form-data; name=f'] }),
    },
    { why: 'two types', body: formBody({ ...whole, type: 'a/b', headers: ['content-type: c/d'] }) },
    {
      why: 'a file without a filename',
      body: formBody(whole, { type: 'application/octet-stream' }),
    },
    { why: 'a malformed disposition', body: formBody(whole, { field: 'x"y' }, whole) },
    {
      why: 'an overlong file name',
      body: formBody(whole, { field: 'f"; filename*=UTF-8\'\'%C0%AF; g="' }),
    },
    {
      why: 'a name that is no UTF-8',
      body: Buffer.concat([
        partBytes({ field: 'name', content: Buffer.from([0xe4]) }),
        formBody(whole),
      ]),
    },
    {
      why: 'an overlong name',
      body: Buffer.concat([
        partBytes({ field: 'name', content: Buffer.from([0xc0, 0xaf]) }),
        formBody(whole),
      ]),
    },
    {
      why: 'half a pair of surrogates',
      body: Buffer.concat([
        partBytes({ field: 'name', content: Buffer.from([0xed, 0xa0, 0x80]) }),
        formBody(whole),
      ]),
    },
    {
      why: 'a byte order mark alone',
      body: formBody({ field: 'name', content: '\ufeff\u0000' }, whole),
    },
    {
      why: 'bytes that are no UTF-8',
      body: Buffer.concat([
        partBytes(whole),
        Buffer.from(
          `--${BOUNDARY}\r\nContent-Disposition: form-data; name="f"; filename="\xff"\r\n\r\n\r\n--${BOUNDARY}--\r\n`,
          'latin1',
        ),
      ]),
    },
  ]
  for (const { why, body, headers } of table) {
    const answer = await post(url, body, headers)
    t.is(answer.status, 400, `${why}: ${answer.text}`)
    t.like(answer.json(), { reason: 'bad-request' }, why)
  }
  t.is(store.memoryUsage.used, 0)
})

test('too many parts and too large a field are 413', async (t) => {
  const { url } = await startUnlinked(t)
  const many = Array.from({ length: 1001 }, (_, index) => ({ field: `f${index}`, content: '' }))
  t.is((await post(url, formBody(whole, ...many))).status, 413)
  const field = { field: 'comment', content: 'x'.repeat(16 * 1024 + 1) }
  t.is((await post(url, formBody(whole, field))).status, 413)
})

test('endless headers, preambles and epilogues are cut short', async (t) => {
  const { url, store } = await startUnlinked(t)
  const part = partBytes(whole)
  const table = [
    { why: 'preamble', start: '' },
    { why: 'header', start: `${part}--${BOUNDARY}\r\nX-Endless: ` },
    { why: 'header name', start: `${part}--${BOUNDARY}\r\n` },
    { why: 'epilogue', start: `${part}--${BOUNDARY}--\r\n` },
  ]
  for (const { why, start } of table) {
    const client = await connectRaw(t, url)
    client.send('POST /files HTTP/1.1', 'Host: x', 'Transfer-Encoding: chunked')
    client.send('', `Content-Type: ${formType()['Content-Type']}`, '', '')
    if (start !== '') client.send(`${start.length.toString(16)}\r\n${start}\r\n`)
    const piece = `ffff\r\n${'x'.repeat(0xffff)}\r\n`
    for (let sent = 0; sent < 20; sent++) client.send(piece)
    await client.until(/^HTTP\/1\.1 413 /)
    t.pass(why)
    client.socket.destroy()
  }
  t.is(store.memoryUsage.used, 0)
})

test('a form reads the same wherever its bytes are cut', async (t) => {
  const { url, store } = await startTestServer(t)
  const body = formBody(
    { field: 'ttl', content: '60' },
    { filename: 'ä日.txt', type: 'text/plain', content: '\r\n--\r\n' },
    { field: 'name', content: 'ü' },
    { filename: 'x', content: '' },
  )
  for (const step of [1, 2, 3, 7, 50]) {
    const client = await connectRaw(t, url)
    const head = `POST /files HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Type: ${formType()['Content-Type']}\r\n\r\n`
    const chunks = [head]
    for (let at = 0; at < body.length; at += step) {
      const piece = body.subarray(at, at + step)
      chunks.push(`${piece.length.toString(16)}\r\n${piece.toString('latin1')}\r\n`)
    }
    client.send(`${chunks.join('')}0\r\n\r\n`)
    await client.until(/^HTTP\/1\.1 201 /)
    t.is((await (await store.get({ name: 'ä日.txt' })).bytes()).toString(), '\r\n--\r\n')
    t.is((await store.get({ name: 'ü' })).ttl, 60)
    await store.delete({ name: 'ä日.txt' })
    await store.delete({ name: 'ü' })
  }
})

test('a form that is aborted links nothing and leaves no memory behind', async (t) => {
  const { url, store } = await startUnlinked(t)
  const body = formBody(whole, { filename: 'large', content: bytes('aborted', 2_000_000) })
  for (const share of [0.1, 0.5, 0.9, 0.999]) {
    const client = await connectRaw(t, url)
    client.send('POST /files HTTP/1.1', 'Host: x', `Content-Length: ${body.length}`)
    client.send('', `Content-Type: ${formType()['Content-Type']}`, '', '')
    client.socket.write(body.subarray(0, Math.floor(body.length * share)))
    await sleep(50)
    client.socket.destroy()
  }
  await until('memory to be freed', () => store.memoryUsage.used === 0)
  t.is(store.memoryUsage.used, 0)
})

test('a slow store holds the sender back', async (t) => {
  const engine = new FaultyEngine(memory())
  const gate = deferred()
  engine.set = async (key, value, options) => {
    await gate.promise
    return engine.inner.set(key, value, options)
  }
  const { url, store, http } = await startTestServer(t, { engine, store: { chunkSize: 100_000 } })
  const content = bytes('slow', 32_000_000)
  const body = formBody({ filename: 'slow', content })
  let taken: { readonly bytesRead: number } | undefined
  http.on('connection', (socket) => {
    taken = socket
  })
  const answer = post(url, body)
  await watched(
    'the sender to be held back',
    settled(() => taken?.bytesRead ?? 0),
  )
  // The window of chunks under way, what waits for it, and what Node reads ahead.
  t.true(taken!.bytesRead < 8_000_000, `${taken!.bytesRead}`)
  gate.resolve()
  t.is((await answer).status, 201)
  t.true((await (await store.get({ name: 'slow' })).bytes()).equals(content))
})

test('many small files wait for a slow store as well', async (t) => {
  const engine = new FaultyEngine(memory())
  let underway = 0
  let most = 0
  engine.set = async (key, value, options) => {
    most = Math.max(most, ++underway)
    await sleep(1)
    underway--
    return engine.inner.set(key, value, options)
  }
  const { url } = await startTestServer(t, { engine })
  const files = Array.from({ length: 300 }, (_, index) => ({
    filename: `f${index}`,
    content: bytes(index, 70_000),
  }))
  const answer = await post(url, formBody(...files))
  t.is(answer.status, 201)
  t.is((answer.json() as unknown[]).length, 300)
  t.true(most < 20, `${most} at once`)
})

/** Waits until a figure is above zero and has not changed for a while. */
async function settled(figure: () => number): Promise<void> {
  for (let last = -1; last <= 0 || figure() !== last; await sleep(300)) last = figure()
}
