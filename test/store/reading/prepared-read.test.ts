import test from 'ava'
import { FileStore, memory } from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'

const content = bytes('handed out', 2500)

async function storedFile(options = {}) {
  const store = new FileStore(memory(), { chunkSize: 1000, ...options })
  const { hash } = await store.put(content)
  return { store, hash, file: await store.get(hash) }
}

async function collect(parts: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = []
  for await (const part of parts) all.push(part)
  return Buffer.concat(all)
}

test('a read prepared for streaming can be streamed more than once, whole each time', async (t) => {
  const { file } = await storedFile()
  const whole = { start: 0, end: content.length }
  const read = await file.prepare([whole], { verify: 'stream' })
  t.deepEqual(await collect(read.stream(whole)), content)
  t.deepEqual(await collect(read.stream(whole)), content)
  read.close()
})

test('bytes are the caller’s own: changing them changes nothing for others', async (t) => {
  const { store } = await storedFile({ hotCache: 100_000 })
  const small = await store.put(bytes('small', 900))
  const file = await store.get(small.hash)
  ;(await file.bytes()).fill(0)
  t.deepEqual(await (await store.get(small.hash)).bytes(), bytes('small', 900))
})

test('what was held cannot be read any more when it was given back', async (t) => {
  const { file } = await storedFile()
  const whole = { start: 0, end: content.length }
  const read = await file.prepare([whole])
  read.close({ sent: true })
  await t.throwsAsync(collect(read.stream(whole)), { message: /after it was closed/ })
})
