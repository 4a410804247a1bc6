import { setImmediate as tick } from 'node:timers/promises'
import { DigestMismatchError } from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { onEveryEngine } from '../../helpers/engines.ts'
import { pieces, slowly } from '../../helpers/sources.ts'

const old = bytes('old', 1500)
const content = bytes('new', 20_000)

onEveryEngine(
  'invariant 4: an upload that is aborted at any point leaves nothing',
  async (t, backend) => {
    const store = backend.store()
    await store.put(old, { name: 'a' })
    let aborted = 0
    for (let point = 0; point < 60; point++) {
      const controller = new AbortController()
      const fresh = Buffer.concat([content, Buffer.from(String(point))])
      const put = store.put(slowly(pieces(fresh, [900])), { name: 'a', signal: controller.signal })
      const outcome = put.then(
        (receipt) => receipt.hash,
        (error: Error) => error.message,
      )
      for (let turn = 0; turn < point; turn++) await tick()
      controller.abort(new Error('enough'))
      if ((await outcome) === 'enough') {
        aborted++
        t.deepEqual(await (await store.get('a')).bytes(), old, `aborted after ${point} turns`)
      } else {
        t.deepEqual(await (await store.get('a')).bytes(), fresh, `whole after ${point} turns`)
        await store.put(old, { name: 'a' })
      }
      t.deepEqual(store.memoryUsage, { ...store.memoryUsage, used: 0, waiting: 0 })
    }
    t.true(aborted > 10, `${aborted} of 60 were aborted`)
  },
)

onEveryEngine(
  'invariant 4: a source that fails after any piece leaves nothing',
  async (t, backend) => {
    const store = backend.store()
    for (let count = 0; count < 20; count++) {
      const failing = async function* () {
        let left = count
        for (const piece of pieces(content, [1100])) {
          if (left-- === 0) break
          yield piece
        }
        throw new Error('lost')
      }
      await t.throwsAsync(store.put(failing(), { name: 'a' }), { message: 'lost' })
      await t.throwsAsync(store.get('a'), { code: 'not-found' })
      t.is(store.memoryUsage.used, 0)
    }
  },
)

onEveryEngine('invariant 4: content of another digest leaves no link', async (t, backend) => {
  const store = backend.store()
  await store.put(old, { name: 'a' })
  const digest = '0'.repeat(64)
  const error = await t.throwsAsync(store.put(content, { name: 'a', digest }), {
    instanceOf: DigestMismatchError,
  })
  t.true(error?.expected?.includes(digest))
  t.deepEqual(await (await store.get('a')).bytes(), old)
  t.is((await store.missing([digest])).length, 1)
  t.is(store.memoryUsage.used, 0)
})

onEveryEngine(
  'a file that is too large is refused before or while it is read',
  async (t, backend) => {
    const store = backend.store({ maxFileSize: 10_000 })
    await t.throwsAsync(store.put(content, { name: 'a' }), { code: 'too-large' })
    let pulled = 0
    const endless = async function* () {
      for (;;) yield bytes(pulled++, 1000)
    }
    await t.throwsAsync(store.put(endless(), { name: 'a' }), { code: 'too-large' })
    t.true(pulled < 20, `${pulled} pieces read`)
    await t.throwsAsync(store.get('a'), { code: 'not-found' })
    t.is((await store.put(content.subarray(0, 10_000))).size, 10_000)
    t.is(store.memoryUsage.used, 0)
  },
)
