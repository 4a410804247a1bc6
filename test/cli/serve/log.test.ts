import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import test from 'ava'
import { FileStore, memcached } from '../../../src/index.ts'
import { Keys } from '../../../src/store/records/keys.ts'
import { encodeLink } from '../../../src/store/records/link.ts'
import { Sealer } from '../../../src/store/records/seal.ts'
import { bytes } from '../../helpers/bytes.ts'
import { COMMAND } from '../../helpers/cli.ts'
import { ask } from '../../helpers/http.ts'
import { startMemcached } from '../../helpers/memcached.ts'
import { freePort } from '../../helpers/ports.ts'
import { connectRaw } from '../../helpers/raw-http.ts'
import { FORGERIES } from '../../helpers/records.ts'
import { startServe } from '../../helpers/serve.ts'
import { until, watched } from '../../helpers/watchdog.ts'

test('a server whose log nobody reads any more still stops on SIGTERM', async (t) => {
  const child = spawn(process.execPath, [...COMMAND, 'serve', '--port', '0'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  t.teardown(() => void child.kill('SIGKILL'))
  for await (const text of child.stdout) if (String(text).includes('listens on')) break
  child.stdout.destroy()
  child.kill('SIGTERM')
  const [code] = await watched('the end of the server', once(child, 'exit'))
  t.is(code, 0)
})

test('a log that is not read in time says how many lines it lacks', async (t) => {
  const port = await freePort()
  const child = spawn(process.execPath, [...COMMAND, 'serve', '--port', `${port}`], {
    stdio: ['ignore', 'pipe', 'ignore'], // Nobody reads it until all requests are answered.
  })
  t.teardown(() => void child.kill('SIGKILL'))
  const url = `http://127.0.0.1:${port}`
  const isUp = () => ask(`${url}/healthz`).then(Boolean, () => false)
  await until('the server to start', isUp, 20)
  const requests = 12_500 // Their lines are 10 MB.
  const client = await connectRaw(t, url)
  const request = `GET /${'x'.repeat(500)} HTTP/1.1\r\nHost: localhost\r\n\r\n`
  client.send(request.repeat(requests))
  const isAnswered = () => client.received.split('HTTP/1.1 404').length > requests
  await until('all answers', isAnswered, 100)
  let [logged, lost] = [0, 0]
  const count = async () => {
    for await (const text of createInterface(child.stdout)) {
      const line = JSON.parse(text)
      if (line.route === 'none') logged++
      lost += line.lost ?? 0
      if (logged + lost === requests) return
    }
  }
  await watched('all lines', count())
  t.true(lost > 0 && logged > 8000, `${logged} logged, ${lost} lost`)
})

test('a record that is disproved is logged once', async (t) => {
  const { address, raw } = await startMemcached(t)
  const store = new FileStore(memcached(address))
  t.teardown(() => store.close())
  const { hash } = await store.put(bytes('content', 600_000))
  const { manifest } = await store.find(hash)
  const key = new Keys().linkByHash(manifest.digest)
  const forged = FORGERIES[3]![1](manifest, manifest)
  await raw.set(key, encodeLink({ manifest: forged, storedAt: 0, ttl: 0 }, key, new Sealer()))
  const serving = await startServe(t, ['--memcached', address])
  for (let i = 0; i < 2; i++) t.is((await ask(`${serving.url}/blobs/${hash}`)).status, 404)
  const line = await serving.logged(/^a record lists chunks/)
  t.like(line, { level: 'error', hash })
  t.is(serving.lines.filter(({ msg }) => msg === line.msg).length, 1)
})
