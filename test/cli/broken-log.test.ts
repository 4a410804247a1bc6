import { spawn } from 'node:child_process'
import { once } from 'node:events'
import test from 'ava'
import { COMMAND } from '../helpers/cli.ts'
import { watched } from '../helpers/watchdog.ts'

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
