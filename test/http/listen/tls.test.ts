import { once } from 'node:events'
import { Agent, request } from 'node:https'
import { connect as connectTcp } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { connect } from 'node:tls'
import test, { type ExecutionContext } from 'ava'
import { InvalidArgumentError } from '../../../src/index.ts'
import { createCertificate, type TestCertificate } from '../../helpers/certificate.ts'
import { startTestServer } from '../../helpers/server.ts'

async function ask(agent: Agent, url: string, method = 'GET', body = '') {
  const sent = request(url, { agent, method })
  sent.end(body)
  const [answer] = await once(sent, 'response')
  return { status: answer.statusCode as number, body: (await buffer(answer)).toString() }
}

function trusting(t: ExecutionContext, ...certificates: TestCertificate[]): Agent {
  const agent = new Agent({
    ca: certificates.map(({ cert }) => cert),
    keepAlive: true,
    maxSockets: 1,
  })
  t.teardown(() => agent.destroy())
  return agent
}

/** The common name of the certificate that a new connection gets to see. */
async function shownTo(url: string): Promise<string> {
  const socket = connect({ port: Number(new URL(url).port), rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  const { CN } = socket.getPeerCertificate().subject
  socket.destroy()
  return String(CN)
}

test('files go in and out over HTTPS', async (t) => {
  const certificate = await createCertificate(t, 'first')
  const { url } = await startTestServer(t, { tls: certificate })
  const agent = trusting(t, certificate)
  t.regex(url, /^https:/)
  t.is((await ask(agent, `${url}/files/there`, 'PUT', 'content')).status, 201)
  t.is((await ask(agent, `${url}/files/there`)).body, 'content')
})

test('another certificate is used from the next connection on, and none is dropped', async (t) => {
  const first = await createCertificate(t, 'first')
  const second = await createCertificate(t, 'second')
  const server = await startTestServer(t, { tls: first })
  const agent = trusting(t, first)
  t.is((await ask(agent, `${server.url}/healthz`)).status, 200)
  const [socket] = Object.values(agent.freeSockets).flat()
  server.setCertificate(second)
  t.is(await shownTo(server.url), 'second')
  t.is((await ask(agent, `${server.url}/healthz`)).status, 200)
  t.deepEqual(Object.values(agent.freeSockets).flat(), [socket])
})

test('a certificate that cannot be used leaves the one before', async (t) => {
  const first = await createCertificate(t, 'first')
  const second = await createCertificate(t, 'second')
  const server = await startTestServer(t, { tls: first })
  for (const bad of [
    { cert: second.cert, key: first.key },
    { cert: 'not a certificate', key: second.key },
    { cert: second.cert, key: '' },
  ]) {
    t.throws(() => server.setCertificate(bad), { instanceOf: InvalidArgumentError })
    t.is(await shownTo(server.url), 'first')
  }
})

test('a server does not start with a key that belongs to another certificate', async (t) => {
  const { cert } = await createCertificate(t, 'first')
  const { key } = await createCertificate(t, 'second')
  await t.throwsAsync(startTestServer(t, { tls: { cert, key } }), {
    instanceOf: InvalidArgumentError,
    message: /cannot be used/,
  })
})

test('it stops with a handshake that never ends', async (t) => {
  const certificate = await createCertificate(t, 'first')
  const server = await startTestServer(t, { tls: certificate })
  const socket = connectTcp(Number(new URL(server.url).port))
  await once(socket, 'connect')
  const closed = once(socket, 'close')
  await server.close()
  await closed
  t.pass()
})
