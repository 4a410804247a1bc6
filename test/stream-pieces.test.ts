import { Readable } from 'node:stream'
import { setImmediate as tick } from 'node:timers/promises'
import test from 'ava'
import fc from 'fast-check'
import { StreamPieces } from '../src/stream-pieces.ts'
import { bytes } from './helpers/bytes.ts'
import { turns } from './helpers/deferred.ts'
import { pieces, slowly } from './helpers/sources.ts'
import { watched } from './helpers/watchdog.ts'

const iterate = (stream: Readable) => ({ [Symbol.asyncIterator]: () => new StreamPieces(stream) })

async function collect(stream: Readable, between = async () => {}): Promise<Buffer> {
  const all: Uint8Array[] = []
  for await (const piece of iterate(stream)) {
    all.push(piece)
    await between()
  }
  return Buffer.concat(all)
}

/** What a stream listens to that is somebody else's doing. */
function listenersOf(stream: Readable): number[] {
  return ['data', 'end', 'error', 'close'].map((event) => stream.listenerCount(event))
}

test('whatever the pieces and whoever waits for whom, the bytes are the stream’s, in order', async (t) => {
  const content = bytes('content', 20_000)
  const sizes = fc.array(fc.nat(5000), { minLength: 1, maxLength: 6 })
  const property = fc.asyncProperty(
    sizes,
    fc.boolean(),
    fc.boolean(),
    async (sizes, slow, lazy) => {
      const parts = slow ? slowly(pieces(content, sizes)) : pieces(content, sizes)
      const stream = Readable.from(parts, { objectMode: false, highWaterMark: 3000 })
      const received = await watched('a stream', collect(stream, lazy ? tick : undefined))
      t.true(received.equals(content))
    },
  )
  await fc.assert(property, { numRuns: 50 })
})

test('a stream that ends at once has no pieces', async (t) => {
  t.is((await collect(Readable.from([], { objectMode: false }))).length, 0)
})

test('a stream that was paused, or has bytes already, is read from where it is', async (t) => {
  const stream = new Readable({ read() {} })
  stream.push('early')
  stream.pause()
  stream.push(', later')
  stream.push(null)
  t.is((await watched('paused', collect(stream))).toString(), 'early, later')
})

test('while nobody wants the next piece the stream is held up', async (t) => {
  let made = 0
  const stream = new Readable({
    highWaterMark: 1000,
    read() {
      made++
      setImmediate(() => this.push(Buffer.alloc(1000)))
    },
  })
  const subject = new StreamPieces(stream)
  await subject.next()
  await turns(50)
  t.true(made <= 4, `${made} pieces were made`)
  const before = made
  for (let i = 0; i < 10; i++) await watched('the next one', subject.next())
  t.true(made >= before + 8)
  await subject.return()
})

test('an error reaches whoever waits, and whoever asks later', async (t) => {
  const stream = new Readable({ read() {} })
  const subject = new StreamPieces(stream)
  const next = subject.next()
  stream.destroy(new Error('disk on fire'))
  await t.throwsAsync(watched('waiting', next), { message: 'disk on fire' })
  await t.throwsAsync(subject.next(), { message: 'disk on fire' })
  t.deepEqual(listenersOf(stream), [0, 0, 0, 0])
})

test('a stream that is closed before its end is an error, early and late', async (t) => {
  const stream = new Readable({ read() {} })
  const subject = new StreamPieces(stream)
  stream.push('some')
  const first = await subject.next()
  t.is(String(first.value), 'some')
  const next = subject.next()
  stream.destroy()
  const early = { code: 'ERR_STREAM_PREMATURE_CLOSE', message: /closed before it ended/ }
  await t.throwsAsync(watched('closed', next), early)
  await t.throwsAsync(collect(stream), early)
  const failed = new Readable({ read() {} })
  failed.on('error', () => {})
  failed.destroy(new Error('broken'))
  await tick()
  await t.throwsAsync(collect(failed), { message: 'broken' })
})

test('a reader that leaves early lets the stream be, paused and free of listeners', async (t) => {
  const stream = Readable.from(pieces(bytes('left', 10_000), [1000]), { objectMode: false })
  const before = listenersOf(stream)
  for await (const _ of iterate(stream)) break
  t.false(stream.destroyed)
  t.true(stream.isPaused())
  t.deepEqual(listenersOf(stream), before)
  const rest = await collect(stream)
  t.true(rest.length > 0 && rest.length < 10_000)
})

test('nothing is left on a stream that was read to its end', async (t) => {
  const stream = Readable.from(pieces(bytes('read', 5000), [1000]), { objectMode: false })
  const before = listenersOf(stream)
  const subject = new StreamPieces(stream)
  for (let i = 0; i < 5; i++) t.false((await subject.next()).done)
  t.deepEqual(await subject.next(), { done: true, value: undefined })
  t.deepEqual(await subject.next(), { done: true, value: undefined })
  t.deepEqual(listenersOf(stream), before)
})
