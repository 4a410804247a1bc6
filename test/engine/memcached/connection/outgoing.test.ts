import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { Outgoing } from '../../../../src/engine/memcached/connection/outgoing.ts'
import { bytes } from '../../../helpers/bytes.ts'
import { watched } from '../../../helpers/watchdog.ts'

const SMALL = 4096

/** Both ends of a connection, closed when the test has ended. */
async function socketPair(t: ExecutionContext): Promise<{ near: Socket; far: Socket }> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const accepted = once(server, 'connection') as Promise<[Socket]>
  const near = connect({ port, host: '127.0.0.1', noDelay: true })
  const [far] = await accepted
  t.teardown(() => {
    near.destroy()
    far.destroy()
    server.close()
  })
  return { near, far }
}

/** Keeps what arrives. */
class Inbox {
  readonly #pieces: Buffer[] = []
  readonly #far: Socket
  length = 0

  constructor(far: Socket) {
    this.#far = far
    far.on('data', (piece) => {
      this.#pieces.push(piece)
      this.length += piece.length
    })
  }

  async take(length: number): Promise<Buffer> {
    const arrived = async () => {
      while (this.length < length) await once(this.#far, 'data')
    }
    await watched(`${length} bytes`, arrived())
    this.length = 0
    return Buffer.concat(this.#pieces.splice(0))
  }
}

/** The sizes of what is handed to the system in one call. */
function recordWrites(socket: Socket): number[][] {
  const calls: number[][] = []
  const { _write, _writev } = socket
  socket._write = (chunk: Buffer, ...rest) => {
    calls.push([chunk.length])
    _write.call(socket, chunk, ...rest)
  }
  socket._writev = (chunks: { chunk: Buffer; encoding: BufferEncoding }[], callback) => {
    calls.push(chunks.map(({ chunk }) => chunk.length))
    _writev!.call(socket, chunks, callback)
  }
  return calls
}

const size = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 300 }) },
  { weight: 2, arbitrary: fc.integer({ min: SMALL - 2, max: SMALL + 2 }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 200_000 }) },
)
/** What is added before each flush. */
const batches = fc.array(fc.array(size, { maxLength: 12 }), { maxLength: 8 })

test('bytes of any sizes arrive in order and as they are', async (t) => {
  const { near, far } = await socketPair(t)
  const inbox = new Inbox(far)
  const outgoing = new Outgoing(near)
  let parts = 0
  await fc.assert(
    fc.asyncProperty(batches, async (batches) => {
      const sent: Buffer[] = []
      for (const sizes of batches) {
        for (const size of sizes) {
          const part = bytes(++parts, size)
          sent.push(part)
          outgoing.add(part)
        }
        outgoing.flush()
      }
      const expected = Buffer.concat(sent)
      const received = await inbox.take(expected.length)
      t.true(received.equals(expected))
      t.is(near.writableCorked, 0)
    }),
  )
})

test('nothing is kept back by a flush, whatever it follows', async (t) => {
  const { near, far } = await socketPair(t)
  const inbox = new Inbox(far)
  const outgoing = new Outgoing(near)
  for (const sizes of [[1], [SMALL], [1, SMALL], [SMALL, 1], [1, SMALL, 1], [0], [], [0, 1]]) {
    const parts = sizes.map((size) => bytes(size, size))
    for (const part of parts) outgoing.add(part)
    outgoing.flush()
    outgoing.flush()
    const expected = Buffer.concat(parts)
    t.true((await inbox.take(expected.length)).equals(expected), `${sizes}`)
  }
})

for (const [what, sizes, calls] of [
  ['many small parts', new Array(50).fill(100), [[5000]]],
  ['one small part', [100], [[100]]],
  ['one large part', [SMALL], [[SMALL]]],
  ['a large part among small ones', [30, 40, 9000, 50, 60], [[70, 9000, 110]]],
  ['several large parts', [30, 9000, 30, 9000], [[30, 9000, 30, 9000]]],
  ['nothing', [], []],
  ['parts of no bytes', [0, 0], []],
  ['a part of no bytes among others', [10, 0, 20], [[30]]],
] as const) {
  test(`${what} go out in as few writes as can be`, async (t) => {
    const { near, far } = await socketPair(t)
    const inbox = new Inbox(far)
    const writes = recordWrites(near)
    const outgoing = new Outgoing(near)
    for (let i = 0; i < 2; i++) {
      for (const size of sizes) outgoing.add(bytes('part', size))
      t.deepEqual(writes, [], 'not before the flush')
      outgoing.flush()
      await inbox.take(sizes.reduce((sum: number, size: number) => sum + size, 0))
      t.deepEqual(writes.splice(0), calls as unknown as number[][])
    }
  })
}

test('large parts are sent as they are, and a small one alone is too: nothing is copied', async (t) => {
  const { near } = await socketPair(t)
  const written: Buffer[] = []
  near.write = ((part: Buffer) => written.push(part) > 0) as typeof near.write
  const outgoing = new Outgoing(near)
  const [small, large] = [bytes('small', 10), bytes('large', SMALL)]
  outgoing.add(large)
  outgoing.add(small)
  outgoing.flush()
  t.is(written[0], large)
  t.is(written[1], small)
})
