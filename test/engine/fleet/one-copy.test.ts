import test from 'ava'
import { EvictedError, UnavailableError } from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { startFleet, until } from './harness.ts'

const FILES = Array.from({ length: 40 }, (_, i) => ({
  name: `file ${i}`,
  content: bytes(i, 1000 + 20_000 * i),
}))

test('one copy: a dead server takes what lived on it and nothing else, as an outage and then as a loss', async (t) => {
  const { servers, store } = await startFleet(t, 5)
  for (const { name, content } of FILES) await store.put(content, { name })
  const [victim] = servers
  const there = new Set(await victim!.raw.keys())
  const lost = new Set<string>()
  for (const { name } of FILES) {
    const { manifest } = await store.get(name)
    const keys = [...manifest.chunks()].map(({ digest }) => `c:${digest.hex}`)
    if (keys.some((key) => there.has(key))) lost.add(name)
  }
  t.true(lost.size > 0 && lost.size < FILES.length / 2)
  const read = async (name: string) => (await store.find(name)).bytes()

  await victim!.stop('SIGKILL')
  for (const { name, content } of FILES) {
    if (!lost.has(name)) t.true((await read(name)).equals(content), name)
    else await t.throwsAsync(read(name), { instanceOf: UnavailableError }, name)
  }
  await victim!.start()
  await until('it is back', async () => (await store.engine.stats()).every(({ up }) => up))
  for (const { name, content } of FILES) {
    if (!lost.has(name)) t.true((await read(name)).equals(content), name)
    else await t.throwsAsync(read(name), { instanceOf: EvictedError }, name)
  }
  for (const { name, content } of FILES) {
    await store.put(content, { name })
    t.true((await read(name)).equals(content), 'an upload heals')
  }
})
