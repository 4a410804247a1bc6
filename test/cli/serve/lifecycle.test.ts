import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { copyFile, writeFile } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from 'node:tls'
import test from 'ava'
import { until } from '../../engine/fleet/harness.ts'
import { createCertificate } from '../../helpers/certificate.ts'
import { startMemcached } from '../../helpers/memcached.ts'
import { connectRaw } from '../../helpers/raw-http.ts'
import { startServe } from '../../helpers/serve.ts'

const NOTHING_TO_READ = 'SIGHUP: there is nothing to read again'

/** Rejects with the code `cut` for an answer that ends early, `refused` when no process took it. */
async function get(agent: Agent, url: string): Promise<Buffer> {
  const sent = request(url, { agent }).end()
  const [answer] = await once(sent, 'response').catch((cause) => {
    // The kernel takes connections that the process never gets to see.
    const isRefused =
      cause.code === 'ECONNREFUSED' || (cause.code === 'ECONNRESET' && !sent.reusedSocket)
    throw isRefused ? Object.assign(new Error('refused', { cause }), { code: 'refused' }) : cause
  })
  return buffer(answer).catch((cause) => {
    throw Object.assign(new Error('the answer was cut', { cause }), { code: 'cut' })
  })
}

/** Uploads for a second, whatever happens meanwhile; resolves with the status. */
async function slowUpload(url: string): Promise<number> {
  const sent = request(url, { method: 'PUT', agent: false })
  const answered = once(sent, 'response')
  for (let i = 0; i < 10; i++) {
    sent.write(randomBytes(100_000))
    await sleep(100)
  }
  sent.end()
  const [answer] = await answered
  answer.resume()
  return answer.statusCode
}

test('without a memcached it says in one line what that means; a signal ends it', async (t) => {
  const serving = await startServe(t, ['--log-level', 'error'])
  t.is((await serving.logged(/^no --memcached/)).level, 'warn')
  t.is((await fetch(`${serving.url}/readyz`)).status, 200)
  serving.signal('SIGTERM')
  await serving.logged('stopped')
  const { code, stderr } = await serving.result
  t.is(code, 0)
  t.is(stderr, '', 'Node.js knows each V8 flag that is set')
})

test.serial('no request that was accepted is lost when the process is told to stop', async (t) => {
  const server = await startMemcached(t)
  const args = ['--memcached', server.address, '--log-level', 'warn']
  const { url, signal, result, logged } = await startServe(t, args)
  const content = randomBytes(3_000_000)
  t.is((await fetch(`${url}/files/f`, { method: 'PUT', body: content })).status, 201)

  let answers = 0
  const answersUntilRefused = async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    t.teardown(() => agent.destroy())
    try {
      for (;;) {
        t.true((await get(agent, `${url}/files/f`)).equals(content))
        answers++
      }
    } catch (error) {
      return (error as { code?: string }).code
    }
  }
  const clients = Array.from({ length: 6 }, answersUntilRefused)
  const upload = slowUpload(`${url}/files/slow`)
  while (answers < 20) await sleep(10)
  signal('SIGTERM')
  const before = answers
  t.deepEqual([...new Set(await Promise.all(clients))], ['refused'])
  t.true(answers > before, 'nothing was under way')
  t.is(await upload, 201)
  await logged('stopped')
  t.is((await result).code, 0)
})

test('while it drains it is not ready, and says on each answer that it is the last', async (t) => {
  const serving = await startServe(t, ['--drain-delay', '5s'])
  const waiting = await connectRaw(t, serving.url)
  waiting.send('GET /healthz HTTP/1.1', 'Host: localhost', '', '')
  await waiting.until(/^HTTP\/1.1 200.*keep-alive/is)
  serving.signal('SIGTERM')
  await serving.logged(/^stops/)
  const ready = await fetch(`${serving.url}/readyz`)
  t.is(ready.status, 503)
  t.is(ready.headers.get('Connection'), 'close')
  waiting.send('GET /healthz HTTP/1.1', 'Host: localhost', '', '')
  t.regex((await waiting.closed()).slice(100), /HTTP\/1.1 200.*connection: close/is)
})

test('a second signal ends it at once', async (t) => {
  const serving = await startServe(t)
  const stuck = await connectRaw(t, serving.url)
  stuck.send('PUT /files/x HTTP/1.1', 'Host: localhost', 'Content-Length: 10', '', 'part')
  await serving.logged(/^blobcached listens/)
  serving.signal('SIGTERM')
  await serving.logged(/^stops/)
  serving.signal('SIGTERM')
  t.is((await serving.result).code, 143)
})

for (const [how, boom] of [
  ['an exception that nobody caught', 'throw new Error("boom")'],
  ['a rejection that nobody handled', 'Promise.reject(new Error("boom"))'],
] as const) {
  test(`${how} is logged and ends the process`, async (t) => {
    const code = encodeURIComponent(`process.on("SIGUSR2", () => { ${boom} })`)
    const serving = await startServe(t, ['--log-level', 'fatal'], {
      NODE_OPTIONS: `--import=data:text/javascript,${code}`,
    })
    serving.signal('SIGUSR2')
    const line = await serving.logged('crashed')
    t.is(line.level, 'fatal')
    t.regex(String((line.err as { stack: string }).stack), /boom/)
    t.is((await serving.result).code, 1)
  })
}

test('SIGHUP with nothing to read again is one line of the log', async (t) => {
  const { address } = await startMemcached(t)
  for (const workers of [1, 2]) {
    const args = ['--memcached', address, '--workers', String(workers)]
    const serving = await startServe(t, args)
    serving.signal('SIGHUP')
    await until('every process says so', () => {
      const told = serving.lines.filter(({ msg }) => msg === NOTHING_TO_READ)
      return new Set(told.map(({ pid }) => pid)).size === workers
    })
    t.is((await fetch(`${serving.url}/readyz`)).status, 200)
    serving.signal('SIGTERM')
    t.is((await serving.result).code, 0)
  }
})

test('SIGHUP takes a new certificate; one that cannot be used changes nothing', async (t) => {
  const [live, next] = await Promise.all([
    createCertificate(t, 'first'),
    createCertificate(t, 'second'),
  ])
  const serving = await startServe(t, ['--tls-cert', live.certFile, '--tls-key', live.keyFile])
  const shown = async () => {
    const socket = connect({ port: Number(new URL(serving.url).port), rejectUnauthorized: false })
    await once(socket, 'secureConnect')
    const { CN } = socket.getPeerCertificate().subject
    socket.destroy()
    return CN
  }
  t.is(await shown(), 'first')
  await writeFile(live.certFile, 'no certificate')
  serving.signal('SIGHUP')
  t.is((await serving.logged(/^keeps the old TLS certificate/)).level, 'error')
  t.is(await shown(), 'first')
  await copyFile(next.certFile, live.certFile)
  await copyFile(next.keyFile, live.keyFile)
  serving.signal('SIGHUP')
  t.like(await serving.logged('uses the new TLS certificate'), { subject: 'CN=second' })
  t.is(await shown(), 'second')
})
