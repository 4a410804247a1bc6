import { bytes } from '../../helpers/bytes.ts'
import { onEveryEngine } from '../../helpers/engines.ts'

onEveryEngine('a file that is not there is produced once, for all callers', async (t, backend) => {
  const store = backend.store()
  const content = bytes(1, 5000)
  let calls = 0
  const produce = async ({ reason, name }: { reason: string; name?: string }) => {
    calls++
    t.is(reason, 'not-found')
    t.is(name, 'a')
    return { source: content, type: 'text/plain', attributes: { by: 'us' } }
  }
  const files = await Promise.all(Array.from({ length: 20 }, () => store.getOrPut('a', produce)))
  for (const file of files) {
    t.deepEqual(await file.bytes(), content)
    t.is(file.type, 'text/plain')
    t.deepEqual(file.attributes, { by: 'us' })
  }
  await store.getOrPut('a', produce)
  t.is(calls, 1)
  t.deepEqual(await (await store.get('a')).bytes(), content)
})

onEveryEngine(
  'the caller for whom it is produced gets the bytes as they come',
  async (t, backend) => {
    const store = backend.store()
    const content = bytes(2, 5500)
    async function* source() {
      for (let at = 0; at < content.length; at += 500) yield content.subarray(at, at + 500)
    }
    const [first, second] = (await Promise.all(
      [
        store.fill('a', source),
        store.fill('a', source).then(async (filling) => {
          t.is(filling.outcome, 'waited')
          return filling.file.bytes()
        }),
        store.fill('a', source).then(() => undefined),
      ].map((each, index) =>
        index === 0
          ? (each as ReturnType<typeof store.fill>).then(async (filling) => {
              t.is(filling.outcome, 'filling')
              return filling.file.bytes()
            })
          : each,
      ),
    )) as Buffer[]
    t.deepEqual(first, content)
    t.deepEqual(second, content)
    t.is((await store.fill('a', source)).outcome, 'hit')
  },
)

onEveryEngine('a file that lost a chunk is produced again', async (t, backend) => {
  const store = backend.store()
  const content = bytes(3, 2500)
  const { manifest } = await store.getOrPut('a', () => content)
  await backend.delete(`c:${manifest.chunk(1).digest.hex}`)
  const file = await store.find('a')
  await t.throwsAsync(file.bytes(), { code: 'evicted' })
  const healed = await store.fill('a', () => content, {
    unusable: { file, reason: 'evicted' },
    whole: true,
  })
  t.is(healed.outcome, 'filled')
  t.is(healed.reason, 'evicted')
  t.deepEqual(await healed.file.bytes(), content)
})

onEveryEngine('a stale file is served while it is renewed', async (t, backend) => {
  const store = backend.store()
  let calls = 0
  const produce = () => `version ${++calls}`
  await store.getOrPut('a', produce, { ttl: 1, staleFor: 60 })
  await new Promise((resolve) => setTimeout(resolve, 1100))
  await t.throwsAsync(store.get('a'), { code: 'not-found' })
  const stale = await store.fill('a', produce, { ttl: 1, staleFor: 60 })
  t.is(stale.outcome, 'stale')
  t.is(await stale.file.text(), 'version 1')
  for (;;) {
    const now = await store.fill('a', produce, { ttl: 60, staleFor: 60 })
    if (now.outcome === 'hit') {
      t.is(await now.file.text(), 'version 2')
      break
    }
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  t.is(calls, 2)
})
