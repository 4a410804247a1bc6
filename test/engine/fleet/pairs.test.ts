import test from 'ava'
import { NotFoundError } from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import type { Memcached } from '../../helpers/memcached.ts'
import { connect, holders, startFleet, until } from './harness.ts'

const SERVERS = 5
const PAIRS = Array.from({ length: SERVERS }, (_, i) => i).flatMap((one) =>
  Array.from({ length: SERVERS - 1 - one }, (_, i) => [one, one + 1 + i] as const),
)
const FILES = 15
const contentOf = (name: string, version: string) => bytes(`${name} ${version}`, 3000)

test('each pair of five servers killed: what has a copy elsewhere stays, and writes go on', async (t) => {
  t.timeout(240_000)
  const { servers, store } = await startFleet(t, SERVERS, { replicas: 2 })
  const names = Array.from({ length: FILES }, (_, i) => `file ${i}`)
  let lost = 0
  for (const [one, other] of PAIRS) {
    const pair = [servers[one]!, servers[other]!]
    for (const version of ['old', 'new']) {
      for (const name of names) await store.put(contentOf(name, version), { name })
    }
    await store.put(Buffer.from('x'), { name: 'deleted' })
    await store.delete('deleted')
    const stays = new Set<string>()
    for (const name of names) if (await hasCopyOutside(name, pair)) stays.add(name)
    lost += FILES - stays.size
    await Promise.all(pair.map((server) => server.stop('SIGKILL')))

    const { store: stranger } = connect(t, servers, { replicas: 2 })
    const check = async (when: string) => {
      for (const each of [store, stranger]) {
        for (const name of names) {
          const read = each.find(name).then((file) => file.bytes())
          if (stays.has(name)) t.deepEqual(await read, contentOf(name, 'new'), `${name} ${when}`)
          else await t.throwsAsync(read, undefined, `${name} ${when}`)
        }
        await t.throwsAsync(each.find('deleted'), { instanceOf: NotFoundError }, when)
      }
    }
    await check(`without ${one} and ${other}`)
    const written = `written without ${one} and ${other}`
    t.is((await store.put(contentOf(written, ''), { name: written })).copies, 2)
    await Promise.all(pair.map((server) => server.start()))
    for (const { engine } of [store, stranger]) {
      await until('both are back', async () => (await engine.stats()).every(({ up }) => up))
    }
    await check(`with ${one} and ${other} back, empty`)
    for (const each of [store, stranger]) {
      t.deepEqual(await (await each.find(written)).bytes(), contentOf(written, ''))
    }
    await stranger.close()
  }
  t.is(lost, FILES, 'each file is lost with one pair of the ten')

  async function hasCopyOutside(name: string, pair: readonly Memcached[]): Promise<boolean> {
    const { manifest } = await store.find(name)
    const places = await holders(servers, `c:${manifest.digest.hex}`)
    t.is(places.length, 2)
    return places.some((server) => !pair.includes(server))
  }
})
