import { execFile, spawnSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import test from 'ava'
import { bytes } from '../helpers/bytes.ts'
import { cliFor } from '../helpers/cli.ts'
import { nginxExample, startProxy } from '../helpers/proxies.ts'
import { startFilled } from '../http/filling/setup.ts'

const run = promisify(execFile)
const testIf = spawnSync('nginx', ['-v']).status === 0 ? test : test.skip

testIf(
  'the package mirror serves packages under their own paths, and takes no uploads',
  async (t) => {
    const { double, server } = await startFilled(t, { ttl: 1000 }, { store: {} })
    const content = bytes('package', 3_000_000)
    double.file('pool/a%20b_1.0%2B1.deb', content)
    const url = await startProxy(t, server, await nginxExample('examples/mirror/nginx.conf'))
    for (let i = 0; i < 3; i++) {
      const answer = await fetch(`${url}/pool/a%20b_1.0%2B1.deb?x=1`)
      t.is(answer.status, 200)
      t.true(Buffer.from(await answer.arrayBuffer()).equals(content))
      t.regex(answer.headers.get('cache-status')!, /^blobcached; /)
    }
    t.is(double.received.length, 1)
    const none = await fetch(`${url}/none.deb`)
    t.is(none.status, 404)
    await none.body?.cancel()
    const upload = await fetch(`${url}/pool/x.deb`, { method: 'PUT', body: 'x' })
    t.is(upload.status, 403)
    await upload.body?.cancel()
  },
)

test('model weights: the header of a large file is read by ranges, and small files are warmed up', async (t) => {
  const { double, server } = await startFilled(t, { rangeLimit: 100_000 }, { store: {} })
  const header = Buffer.from(JSON.stringify({ 'layer.0': { dtype: 'F16', shape: [2, 3] } }))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(header.length))
  const model = Buffer.concat([length, header, bytes('weights', 1_000_000)])
  double.on('models/w.safetensors', ({ headers }, res) => {
    const [, start, last] = /bytes=(\d+)-(\d+)/.exec(headers.range ?? '') ?? []
    if (start === undefined) return void res.end(model)
    const range = `bytes ${start}-${last}/${model.length}`
    res.writeHead(206, { 'Content-Range': range })
    res.end(model.subarray(Number(start), Number(last) + 1))
  })
  const script = 'examples/weights/tensors.ts'
  const args = ['--import=tsx', script, server.url, 'models/w.safetensors']
  const { stdout } = await run(process.execPath, args)
  t.is(stdout, 'layer.0  F16  2×3\n')

  double.file('models/config.json', '{}')
  const cli = await cliFor(t, server)
  await writeFile(cli.path('names'), 'models/config.json\n')
  await cli.ok(['fetch', '--list', 'names'])
  await server.store.get('models/config.json')
})
