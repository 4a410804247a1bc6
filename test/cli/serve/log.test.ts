import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import test from 'ava'
import { COMMAND } from '../../helpers/cli.ts'
import { ask } from '../../helpers/http.ts'
import { freePort } from '../../helpers/ports.ts'
import { connectRaw } from '../../helpers/raw-http.ts'
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
  const request = `GET /${'x'.repeat(500)} HTTP/1.1\r\nHost: x\r\n\r\n`
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
