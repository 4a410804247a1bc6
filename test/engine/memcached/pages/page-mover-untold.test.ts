import test from 'ava'
import { rig } from '../harness.ts'
import { after, alone, fillWithLarge, listen, lost, movedPages, PATIENT, press } from './harness.ts'

const UNTOLD: [string, ReturnType<typeof alone>][] = [
  ['has no crawler', alone(',no_lru_crawler')],
  ['counts no versions', alone('', '-C')],
]
for (const [what, settings] of UNTOLD) {
  test(`where memcached ${what}, it does not tell the oldest, and no page moves`, async (t) => {
    const { engine, server, proxy } = await rig(t, PATIENT, settings)
    const large = await fillWithLarge(engine)
    const heard = listen(proxy)
    await press(engine, () => heard.count('slabs reassign') > 0)
    const small = await press(engine, after(3500))
    t.is(await movedPages(server), 0)
    t.is(heard.count('md '), 0)
    // There is room for some 110 of them.
    t.is(await lost(engine, large.slice(-100)), 0)
    t.is(await lost(engine, small.slice(-100)), 0)
    t.is(heard.count('slabs reassign'), 1, 'who has nothing to give is not asked every second')
  })
}
