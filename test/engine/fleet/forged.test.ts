import test from 'ava'
import { Keys } from '../../../src/store/records/keys.ts'
import { encodeLink } from '../../../src/store/records/link.ts'
import { Sealer } from '../../../src/store/records/seal.ts'
import { bytes } from '../../helpers/bytes.ts'
import { FORGERIES } from '../../helpers/records.ts'
import { connect, holders, startFleet, until } from './harness.ts'

test('of several copies of a link, one that was forged is disproved, and written again', async (t) => {
  const { servers, store } = await startFleet(t, 3, { replicas: 2 })
  const content = bytes('content', 1_200_000)
  const { hash } = await store.put(content)
  const { manifest } = await store.find(hash)
  const key = new Keys().linkByHash(manifest.digest)
  const record = await servers[0]!.raw.get(key)
  const forged = { manifest: FORGERIES[3]![1](manifest, manifest), storedAt: Date.now(), ttl: 0 }
  const [attacked, ...others] = await holders(servers, key)
  await attacked!.raw.set(
    key,
    encodeLink({ ...forged, storedAt: forged.storedAt + 1000 }, key, new Sealer()),
  )

  const reader = connect(t, servers, { replicas: 2 }).store
  const read = async () => (await reader.get(hash)).bytes()
  // The newest copy counts, until it is disproved: each reader learns that by itself, when it asks the
  // server that has it, which not every read does.
  let isDisproved = false
  for (let reads = 0; reads < 50 && !isDisproved; reads++) {
    await read().catch(({ code }) => {
      t.is(code, 'corrupt')
      isDisproved = true
    })
  }
  t.true((await read()).equals(content))
  await reader.repair(hash)
  await until('the copy to be written again', async () =>
    record!.equals((await attacked!.raw.get(key))!),
  )
  for (const { raw } of others) t.deepEqual(await raw.get(key), record)
  t.true((await read()).equals(content))
})
