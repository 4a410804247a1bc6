import test from 'ava'
import { ask } from '../../helpers/http.ts'
import { KeptLog } from '../../helpers/kept-log.ts'
import { connectRaw, exchange, parseAnswer } from '../../helpers/raw-http.ts'
import { memoryIsFree, startTestServer } from '../../helpers/server.ts'

test('what is no HTTP is answered as a problem and closed', async (t) => {
  const { url } = await startTestServer(t)
  const table = [
    { lines: ['nonsense', '', ''], status: 400, reason: 'bad-request' },
    { lines: ['GET / HTTP/9.9', '', ''], status: 400, reason: 'bad-request' },
    {
      lines: ['GET / HTTP/1.1', 'Host: x', 'No colon', '', ''],
      status: 400,
      reason: 'bad-request',
    },
    {
      lines: ['PUT /files/f HTTP/1.1', 'Host: x', 'Content-Length: -5', '', ''],
      status: 400,
      reason: 'bad-request',
    },
    {
      lines: ['PUT /files/f HTTP/1.1', 'Host: x', 'Transfer-Encoding: chunked', '', 'zz', ''],
      status: 400,
      reason: 'bad-request',
    },
    {
      lines: [
        'PUT /files/f HTTP/1.1',
        'Host: x',
        'Content-Length: 3',
        'Transfer-Encoding: chunked',
        '',
        '0',
        '',
        '',
      ],
      status: 400,
      reason: 'bad-request',
    },
    {
      lines: ['GET / HTTP/1.1', 'Host: x', `X-Large: ${'x'.repeat(20_000)}`, '', ''],
      status: 431,
      reason: 'header-too-large',
    },
    {
      lines: ['GET /files/f HTTP/1.1', 'Connection: close', '', ''],
      status: 400,
      reason: 'bad-request',
    },
    {
      lines: ['GET /healthz HTTP/1.1', 'Connection: close', '', ''],
      status: 400,
      reason: 'bad-request',
    },
    { lines: ['CONNECT x:80 HTTP/1.1', 'Host: x', '', ''], status: 400, reason: 'bad-request' },
    ...[
      ['1.0', 'Connection: keep-alive', 'chunked'],
      ['1.1', 'Host: x', 'gzip, chunked'],
      ['1.1', 'Host: x', 'chunked, chunked'],
      ['1.1', 'Host: x', 'identity, chunked'],
    ].map(([version, field, coding]) => ({
      lines: [
        `PUT /files/f HTTP/${version}`,
        field!,
        `Transfer-Encoding: ${coding}`,
        '',
        '3',
        'abc',
        '0',
        '',
        '',
      ],
      status: 400,
      reason: 'bad-request',
    })),
    { lines: [`GET /${'x'.repeat(20_000)} HTTP/1.1`, '', ''], status: 414, reason: 'uri-too-long' },
    {
      lines: [`GET /${'x'.repeat(9000)} HTTP/1.1`, 'Host: x', 'Connection: close', '', ''],
      status: 414,
      reason: 'uri-too-long',
    },
  ]
  for (const { lines, status, reason } of table) {
    const answer = await exchange(t, url, ...lines)
    const { head, body } = parseAnswer(answer)
    t.regex(head, new RegExp(`^HTTP/1\\.1 ${status} `), lines[0]!.slice(0, 50))
    t.regex(head, /Content-Type: application\/problem\+json/i)
    t.like(JSON.parse(body), { status, reason })
  }
  t.is((await ask(`${url}/files/f`)).status, 404)
})

test('a connection with a faulty Transfer-Encoding is closed, whatever else is refused', async (t) => {
  const { url } = await startTestServer(t, { access: { tokens: ['secret'] } })
  const get = ['GET /healthz HTTP/1.1', 'Host: x', '', '']
  for (const [version, coding] of [
    ['1.0', 'chunked'],
    ['1.1', 'gzip, chunked'],
  ]) {
    const fields = ['Host: x', 'Connection: keep-alive', `Transfer-Encoding: ${coding}`, '']
    const put = [`PUT /files/f HTTP/${version}`, ...fields, '0', '', '']
    const answer = await exchange(t, url, [...put, ...get].join('\r\n'))
    t.regex(answer, /^HTTP\/1\.1 401 .*Connection: close/s)
    t.is(answer.match(/HTTP\/1\.1 /g)?.length, 1, version)
  }
})

test('HTTP/1.0 needs no Host, and what asks for another protocol gets its answer in this one', async (t) => {
  const { url, store } = await startTestServer(t)
  await store.put('content', { name: 'f' })
  t.regex(await exchange(t, url, 'GET /files/f HTTP/1.0', '', ''), /^HTTP\/1\.1 200 .*content$/s)
  for (const protocol of ['h2c', 'websocket']) {
    const upgrade = ['Connection: Upgrade', `Upgrade: ${protocol}`, '', '']
    const answer = await exchange(t, url, 'GET /files/f HTTP/1.1', 'Host: x', ...upgrade)
    t.regex(answer, /^HTTP\/1\.1 200 .*Connection: close.*content$/is)
  }
})

test('what is no request has a line in the log', async (t) => {
  const logger = new KeptLog()
  const { url } = await startTestServer(t, { logger })
  await exchange(t, url, 'nonsense', '', '')
  t.like(await logger.line({ status: 400 }), {
    level: 'info',
    client: '127.0.0.1',
    reason: 'bad-request',
  })
})

test('a body that breaks off in the middle of its chunks stores nothing', async (t) => {
  const server = await startTestServer(t, { store: { chunkSize: 1000 } })
  for (const start of [
    '',
    '5\r\nhello\r\n',
    `3e8\r\n${'x'.repeat(1000)}\r\n`,
    '64\r\nnot as long',
  ]) {
    const client = await connectRaw(t, server.url)
    client.send('PUT /files/f HTTP/1.1', 'Host: x', 'Transfer-Encoding: chunked', '', start)
    await new Promise((resolve) => setTimeout(resolve, 20))
    client.send(`${'z'.repeat(200)}\r\n`)
    t.is(parseAnswer(await client.closed()).status, 400)
    t.is((await ask(`${server.url}/files/f`)).status, 404)
    await memoryIsFree(server)
  }
})

test('CONNECT harms nobody, even when its client is gone at once, and takes no other answer’s place', async (t) => {
  const { url, store } = await startTestServer(t)
  await store.put('content', { name: 'f' })
  for (let i = 0; i < 60; i++) {
    const client = await connectRaw(t, url)
    client.send('CONNECT x:1 HTTP/1.1', 'Host: x', '', '')
    await new Promise((resolve) => setTimeout(resolve, i % 4))
    client.socket.resetAndDestroy()
  }
  const [get, connect] = ['GET /files/f HTTP/1.1', 'CONNECT x:1 HTTP/1.1']
  const answer = await exchange(t, url, get, 'Host: x', '', connect, 'Host: x', '', '')
  t.notRegex(answer, /^HTTP\/1\.1 400/)
  t.is((await ask(`${url}/files/f`)).text, 'content')
})
