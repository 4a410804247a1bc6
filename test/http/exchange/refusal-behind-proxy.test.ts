import { spawnSync } from 'node:child_process'
import test from 'ava'
import pMap from 'p-map'
import { PROXIES, startProxy } from '../../helpers/proxies.ts'
import { startTestServer } from '../../helpers/server.ts'

for (const [name, proxy] of Object.entries(PROXIES)) {
  const isHere = spawnSync(name, ['-v']).error === undefined
  const testIf = isHere ? test : test.skip

  testIf(`${name} as it comes passes every refusal of a large upload on`, async (t) => {
    const server = await startTestServer(t, {
      access: { tokens: ['writer'] },
      store: { maxFileSize: 10_000_000 },
    })
    const url = await startProxy(t, server, proxy)
    const body = Buffer.alloc(30_000_000)
    const upload = async (_: unknown, index: number) => {
      const authorization = index % 2 === 0 ? 'Bearer writer' : 'Bearer other'
      const options = { method: 'PUT', body, headers: { authorization } } // Sent whatever the answer is.
      const answer = await fetch(`${url}/files/large`, options)
      const { reason } = (await answer.json()) as { reason: string }
      return `${answer.status} ${reason}`
    }
    const answers = await pMap(Array.from({ length: 20 }), upload, { concurrency: 2 })
    const told = (text: string) => answers.filter((answer) => answer === text).length
    t.deepEqual([told('413 too-large'), told('401 unauthorized')], [10, 10])
    t.is(server.store.memoryUsage.used, 0)
  })
}
