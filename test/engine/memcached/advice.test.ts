import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import type { ConnectionError } from '../../../src/engine/memcached/connection-error.ts'
import { memcached } from '../../../src/engine/memcached/index.ts'
import type { MemcachedOptions } from '../../../src/engine/memcached/options.ts'
import { TooLargeError, UnavailableError } from '../../../src/errors.ts'
import { createCertificate } from '../../helpers/certificate.ts'
import { type MemcachedFlags, startMemcached } from '../../helpers/memcached.ts'
import { freePort } from '../../helpers/ports.ts'
import { readAll } from './harness.ts'

const PATIENT: MemcachedOptions = { timeoutMs: 4000, connectTimeoutMs: 2000 }
const IGNORED = { rejectUnauthorized: false }

/** Why a first request fails. */
async function failure(t: ExecutionContext, address: string, options: MemcachedOptions = {}) {
  const engine = memcached(address, { ...PATIENT, ...options })
  t.teardown(() => engine.close())
  const error = await t.throwsAsync(engine.set('key', Buffer.from('x')), {
    instanceOf: UnavailableError,
  })
  return { message: error!.message, code: (error!.cause as ConnectionError).code }
}

async function startTls(t: ExecutionContext, settings: MemcachedFlags = {}, more = '') {
  const certificate = await createCertificate(t, 'localhost')
  const { certFile, keyFile, cert } = certificate
  const own = `ssl_chain_cert=${certFile},ssl_key=${keyFile}${more}`
  const args = ['-Z', '-o', own, ...(settings.args ?? [])]
  const server = await startMemcached(t, { ...settings, args })
  return { address: `localhost:${server.port}`, tls: { ca: cert }, certificate }
}

const ann = { username: 'ann', password: 'secret' }
const OVER_TLS: [string, MemcachedFlags, MemcachedOptions][] = [
  ['binary', {}, {}],
  ['meta', { args: ['-B', 'ascii'] }, {}],
  ['meta', { textAuth: ann }, ann],
  ['binary', { sasl: ann }, ann],
  ['text', {}, { protocol: 'text' }],
]
for (const [protocol, settings, options] of OVER_TLS) {
  const what = [...(settings.args ?? []), ...(options.username ? ['credentials'] : [])].join(' ')
  test(`TLS of memcached, ${what || 'as it is'}: ${protocol}`, async (t) => {
    const { address, tls } = await startTls(t, settings)
    const engine = memcached(`tls://${address}`, { ...PATIENT, ...options, tls })
    t.teardown(() => engine.close())
    const values = new Map([1, 1000, 100_000, 900_000].map((n) => [`key${n}`, randomBytes(n)]))
    for (const [key, value] of values) await engine.set(key, value)
    t.is((await readAll(engine, values)).right, 4)
    t.is((await engine.stats())[0]!.protocol, protocol)
  })
}

test('a protocol that the server does not speak is named, and what to set', async (t) => {
  const binary = await startMemcached(t, { args: ['-B', 'binary'] })
  const ascii = await startMemcached(t, { args: ['-B', 'ascii'] })
  const refusals: [string, MemcachedOptions['protocol']][] = [
    [binary.address, 'meta'],
    [ascii.address, 'binary'],
  ]
  for (const [address, protocol] of refusals) {
    const { message } = await failure(t, address, { protocol: protocol! })
    t.true(message.includes(`does it speak the ${protocol} protocol, which is set? auto`), message)
  }
})

test('credentials: wrong, missing', async (t) => {
  const { address } = await startMemcached(t, { sasl: ann })
  t.regex((await failure(t, `ann:wrong@${address}`)).message, /did not accept the credentials/)
  t.regex((await failure(t, address)).message, /wants credentials, as in user:password@host/)
})

test('TLS to a memcached without, and none to one that wants it', async (t) => {
  for (const args of [[], ['-B', 'ascii'], ['-B', 'binary']]) {
    const plain = await startMemcached(t, { args })
    const { message } = await failure(t, `tls://${plain.address}`)
    t.regex(message, /speaks no TLS|does the server speak TLS\?/)
  }
  const { address } = await startTls(t)
  t.regex((await failure(t, address)).message, /does it want TLS\?/)
})

test('a certificate that is not trusted, and a client certificate that is wanted', async (t) => {
  const untrusted = await startTls(t)
  const { message, code } = await failure(t, `tls://${untrusted.address}`)
  t.is(code, 'tls')
  t.regex(message, /tls\.ca/)
  const { certFile } = await createCertificate(t, 'client')
  const demanding = await startTls(t, {}, `,ssl_verify_mode=2,ssl_ca_cert=${certFile}`)
  for (const protocol of ['auto', 'binary', 'text'] as const) {
    const options = { tls: IGNORED, protocol }
    t.regex((await failure(t, `tls://${demanding.address}`, options)).message, /client certificate/)
  }
  const [cert, key] = ['cert.pem', 'key.pem'].map((name) =>
    readFileSync(join(dirname(certFile), name)),
  )
  const engine = memcached(`tls://${demanding.address}`, {
    ...PATIENT,
    tls: { ...IGNORED, cert: cert!, key: key! },
  })
  t.teardown(() => engine.close())
  await t.notThrowsAsync(engine.ping())
})

test('a memcached that takes no more connections', async (t) => {
  const { address, port } = await startMemcached(t, { args: ['-c', '64', '-o', 'maxconns_fast'] })
  for (let i = 0; i < 80; i++) {
    const socket = connect(port!, '127.0.0.1').on('error', () => {})
    t.teardown(() => socket.destroy())
  }
  await sleep(300)
  for (const protocol of ['auto', 'meta', 'text'] as const) {
    const { message } = await failure(t, address, { protocol })
    t.regex(message, /takes no more connections; raise its limit \(-c\)/)
  }
})

test('a chunk that is larger than an item, an unknown host, a port without a server', async (t) => {
  const { address } = await startMemcached(t, { maxItem: '512k' })
  const engine = memcached(address, PATIENT)
  t.teardown(() => engine.close())
  await t.throwsAsync(engine.set('key', Buffer.alloc(524_288)), {
    instanceOf: TooLargeError,
    message: /raise its item size \(-I\), or make chunks smaller/,
  })
  const unknown = await failure(t, 'does-not-exist.invalid')
  if (unknown.code === 'unresolved') t.regex(unknown.message, /check the name of the host/)
  else t.is(unknown.code, 'connect-timeout')
  const nobody = await failure(t, `127.0.0.1:${await freePort()}`)
  t.regex(nobody.message, /is memcached running/)
})
