import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { memcached } from '../../../src/engine/memcached/index.ts'
import { FileStore, UnavailableError } from '../../../src/index.ts'
import { startMemcached } from '../../helpers/memcached.ts'

/** Stores small files, and tells what was said of the server. */
async function advice(t: ExecutionContext, args: string[], chunkSize?: number) {
  const { address } = await startMemcached(t, { args })
  const engine = memcached(address, { timeoutMs: 4000, connectTimeoutMs: 4000 })
  const said: string[] = []
  engine.observe({ advice: (server, text) => said.push(`${server === address} ${text}`) })
  const store = new FileStore(engine, chunkSize === undefined ? {} : { chunkSize })
  t.teardown(() => store.close())
  const ready = await store.ready().catch((error: Error) => error.message)
  if (ready === undefined) for (const name of ['a', 'b']) await store.put(name, { name })
  const [stats] = await engine.stats()
  t.deepEqual(
    said,
    (stats!.advice ?? []).map((text) => `true ${text}`),
    'each once',
  )
  return { advice: stats!.advice ?? [], ready }
}

test('what a server was started with, and what does not fit the chunk size', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'blobcached-test-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const flash = join(folder, 'flash')
  const cases: [string[], number | undefined, RegExp[]][] = [
    [[], undefined, []],
    [[], 1_000_000, []],
    [['-M'], undefined, [/^when it is full, uploads fail: it evicts nothing \(-M\)$/]],
    [
      ['-o', 'slab_chunk_max=65536'],
      undefined,
      [/^each chunk is stored in 8 pieces \(slab_chunk_max=65536\): leave it out$/],
    ],
    [
      ['-o', 'ext_item_size=600000'],
      undefined,
      [/^no chunk goes to flash \(ext_item_size=600000\): set at most 524163$/],
    ],
    [['-o', 'ext_item_size=600000'], 700_000, []],
    [
      ['-o', `ext_path=${flash}:256m`],
      undefined,
      [/^it evicts what has not got to flash when RAM is full: set ext_item_age=0$/],
    ],
    [['-o', `ext_path=${flash}2:256m,ext_item_age=0`], undefined, []],
  ]
  for (const [args, chunkSize, expected] of cases) {
    const { advice: given, ready } = await advice(t, args, chunkSize)
    t.is(ready, undefined)
    t.is(given.length, expected.length, `${args} ${given}`)
    for (const [index, pattern] of expected.entries()) t.regex(given[index]!, pattern)
  }
})

test('a chunk that never fits is refused at the start, and what would fit is said', async (t) => {
  const { advice: given, ready } = await advice(t, ['-I', '512k'], 600_000)
  t.regex(
    String(ready),
    /a chunk of 600000 bytes cannot be stored: the largest that can has 524163/,
  )
  t.deepEqual(given, ['no chunk fits: raise -I, or make chunks of at most 524163 bytes'])
})

test('a server that crashes on values is not used, and its option is named', async (t) => {
  // Over meta it crashes even sooner.
  for (const protocol of ['auto', 'text'] as const) {
    const server = await startMemcached(t, { args: ['-o', 'slab_chunk_max=16'] })
    const engine = memcached(server.address, { protocol, connectTimeoutMs: 4000 })
    t.teardown(() => engine.close())
    await t.throwsAsync(engine.set('key', Buffer.from('x')), {
      instanceOf: UnavailableError,
      message: /was started with slab_chunk_max=16, on which it crashes: leave it out$/,
    })
    t.truthy(await server.raw.stats(), 'it is alive')
  }
})
