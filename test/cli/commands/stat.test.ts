import test from 'ava'
import { cliFor } from '../../helpers/cli.ts'
import { startTestServer } from '../../helpers/server.ts'

test('stat of what is not there says so, by name and by hash', async (t) => {
  const server = await startTestServer(t)
  const cli = await cliFor(t, server)
  for (const ref of ['nothing', 'f'.repeat(64)]) {
    const { code, stderr } = await cli.run(['stat', ref])
    t.is(code, 3)
    t.regex(stderr, /there is no (file "nothing"|content f{64})/)
  }
})
