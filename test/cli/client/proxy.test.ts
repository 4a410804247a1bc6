import { once } from 'node:events'
import { createServer, type IncomingMessage, request } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import { createCertificate } from '../../helpers/certificate.ts'
import { cliFor } from '../../helpers/cli.ts'
import { startTestServer } from '../../helpers/server.ts'

/** A proxy as companies have one; `seen` lists its requests. */
async function startProxy(t: ExecutionContext) {
  const seen: { line: string; credentials: string | undefined }[] = []
  const note = ({ method, url, headers }: IncomingMessage) =>
    seen.push({ line: `${method} ${url}`, credentials: headers['proxy-authorization'] })
  const proxy = createServer((req, res) => {
    note(req)
    const { method, headers, url } = req
    const { hostname, port, origin } = new URL(url!)
    const path = url!.slice(origin.length) // A URL would resolve its dots.
    const forward = request({ hostname, port, path, method, headers }, (answer) => {
      res.writeHead(answer.statusCode!, answer.headers)
      answer.pipe(res)
    })
    req.pipe(forward)
  })
  proxy.on('connect', (req, socket) => {
    note(req)
    const [host, port] = req.url!.split(':')
    const server = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      server.pipe(socket).pipe(server)
    })
    for (const end of [server, socket]) end.on('error', () => {})
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  t.teardown(() => {
    proxy.closeAllConnections()
    proxy.close()
  })
  return { host: `127.0.0.1:${(proxy.address() as AddressInfo).port}`, seen }
}

test('HTTP_PROXY, its credentials and NO_PROXY', async (t) => {
  const server = await startTestServer(t)
  await server.store.put('content', { name: '..' })
  const cli = await cliFor(t, server)
  const proxy = await startProxy(t)
  const env = { HTTP_PROXY: `http://me:p%40ss@${proxy.host}`, NO_PROXY: '' }

  t.is((await cli.ok(['get', '..', '-o', '-'], { env })).stdout, 'content')

  const credentials = `Basic ${Buffer.from('me:p@ss').toString('base64')}`
  t.deepEqual(proxy.seen, [{ line: `GET ${server.url}/files/%2E%2E?verify=full`, credentials }])
  await cli.ok(['get', '..', '-o', '-'], { env: { ...env, NO_PROXY: 'example.org,127.0.0.1' } })
  t.is(proxy.seen.length, 1)
})

test('HTTPS_PROXY is a tunnel: the proxy sees neither paths nor tokens', async (t) => {
  const certificate = await createCertificate(t, 'localhost')
  const server = await startTestServer(t, { tls: certificate, access: { tokens: ['secret'] } })
  await server.store.put('content', { name: 'a' })
  const cli = await cliFor(t, server)
  const proxy = await startProxy(t)
  const env = { HTTPS_PROXY: `http://${proxy.host}`, NO_PROXY: '' }
  const args = ['get', 'a', '-o', '-', '--token', 'secret']

  t.is((await cli.ok([...args, '--cacert', certificate.certFile], { env })).stdout, 'content')
  t.deepEqual(
    proxy.seen.map(({ line }) => line),
    [`CONNECT ${new URL(server.url).host}`],
  )
  t.is((await cli.run(args, { env })).code, 5, 'the certificate is checked through a tunnel too')
})

test('a proxy that wants credentials is said to, in either way', async (t) => {
  const cli = await cliFor(t, await startTestServer(t))
  const proxy = createServer((_req, res) => void res.writeHead(407).end())
  proxy.on('connect', (_req, socket) => void socket.end('HTTP/1.1 407 No\r\n\r\n'))
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  t.teardown(() => void proxy.close())
  const at = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
  const env = { HTTP_PROXY: at, HTTPS_PROXY: at, NO_PROXY: '' }
  for (const server of ['http://files.example', 'https://files.example']) {
    const { code, stderr } = await cli.run(['stat', 'a', '--server', server], { env })
    t.is(code, 1)
    t.regex(stderr, /the proxy wants credentials: http:\/\/user:password@proxy:3128\n$/)
  }
})
