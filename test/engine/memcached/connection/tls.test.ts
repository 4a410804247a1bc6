import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer, type TLSSocket } from 'node:tls'
import test, { type ExecutionContext } from 'ava'
import type { ConnectionError } from '../../../../src/engine/memcached/connection-error.ts'
import { memcached } from '../../../../src/engine/memcached/index.ts'
import { TextConnection } from '../../../../src/engine/memcached/pages/text-connection.ts'
import { startMemcached } from '../../../helpers/memcached.ts'
import { failureOf, QUICK, readAll, settingsOf, whole } from '../harness.ts'

/** A certificate of its own, for `localhost` only. */
function selfSigned(t: ExecutionContext) {
  const directory = mkdtempSync(join(tmpdir(), 'blobcached-test-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const key = join(directory, 'key.pem')
  const cert = join(directory, 'cert.pem')
  const request = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2'
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
  execFileSync('openssl', [...request.split(' '), '-keyout', key, '-out', cert, ...subject], {
    stdio: 'ignore',
  })
  return { key: readFileSync(key), cert: readFileSync(cert) }
}

/** TLS in front of a real memcached. */
async function startTls(t: ExecutionContext) {
  const { port } = await startMemcached(t)
  const { key, cert } = selfSigned(t)
  const sockets = new Set<TLSSocket>()
  const server = createServer({ key, cert }, (socket) => {
    sockets.add(socket)
    const inner = connect({ port: port!, host: '127.0.0.1' })
    socket.pipe(inner).pipe(socket)
    for (const each of [socket, inner]) {
      each.on('error', () => {})
      each.on('close', () => {
        socket.destroy()
        inner.destroy()
      })
    }
  })
  server.on('tlsClientError', () => {})
  server.listen(0, 'localhost')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  const address = `localhost:${(server.address() as { port: number }).port}`
  return { address, ca: cert, sockets }
}

test.serial('tls:// with a certificate that is trusted', async (t) => {
  const { address, ca, sockets } = await startTls(t)
  const engine = memcached(`tls://${address}`, { ...QUICK, tls: { ca } })
  t.teardown(() => engine.close())
  const values = new Map([1, 1000, 100_000, 1_000_000].map((n) => [`key${n}`, randomBytes(n)]))
  for (const [key, value] of values) await engine.set(key, value)
  t.is((await readAll(engine, values)).right, 4)
  for (const socket of sockets) socket.destroy()
  t.is((await readAll(engine, values)).right, 4, 'over a fresh connection')
})

test.serial('the connection for text commands does as the other', async (t) => {
  const { address, ca } = await startTls(t)
  const ask = (tls: object) => {
    const settings = settingsOf(`tls://${address}`, { ...QUICK, tls })
    const connection = new TextConnection(settings, 5000, new AbortController().signal)
    t.teardown(() => connection.close())
    connection.write('version')
    return connection.line()
  }
  t.regex(await ask({ ca }), /^VERSION /)
  t.is((await t.throwsAsync<ConnectionError>(ask({})))?.code, 'tls')
})

test.serial('a certificate that nobody trusts: tls', async (t) => {
  const { address } = await startTls(t)
  const engine = memcached(`tls://${address}`, QUICK)
  t.teardown(() => engine.close())
  t.is(await failureOf(t, 'get', engine.get('key', whole)), 'tls')
})

test.serial('a certificate for another host: tls', async (t) => {
  const { address, ca } = await startTls(t)
  const port = address.split(':')[1]
  const options = { ca, servername: 'example.com' }
  const engine = memcached(`localhost:${port}`, { ...QUICK, tls: options })
  t.teardown(() => engine.close())
  t.is(await failureOf(t, 'get', engine.get('key', whole)), 'tls')
})

test.serial('TLS to a server that speaks none fails in time', async (t) => {
  const { address } = await startMemcached(t)
  const engine = memcached(`tls://${address}`, QUICK)
  t.teardown(() => engine.close())
  const code = await failureOf(t, 'get', engine.get('key', whole))
  t.true(['tls', 'connect-timeout', 'closed', 'connect-failed'].includes(code!), code)
})

test.serial('no TLS to a server that wants it fails in time', async (t) => {
  const { address } = await startTls(t)
  const engine = memcached(address, QUICK)
  t.teardown(() => engine.close())
  await failureOf(t, 'get', engine.get('key', whole))
  t.pass()
})
