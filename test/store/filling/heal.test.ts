import { Digest, type StoredFile } from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { type Backend, onEveryEngine } from '../../helpers/engines.ts'

const content = bytes('content', 2500)
const chunk = `c:${Digest.of(content.subarray(1000, 2000)).hex}`
const link = `n:${Digest.of(Buffer.from('a')).hex}`
const read = (file: StoredFile) => file.bytes()

const damages: Record<string, [reason: string, damage: (backend: Backend) => Promise<void>]> = {
  'a chunk is gone': ['evicted', (backend) => backend.delete(chunk)],
  'a chunk is wrong': ['corrupt', (backend) => backend.flip(chunk, 77)],
  'the link is wrong': ['corrupt', (backend) => backend.flip(link, 77)],
  'the link is gone': ['not-found', (backend) => backend.delete(link)],
}

for (const [what, [reason, damage]] of Object.entries(damages)) {
  onEveryEngine(`${what}: the file is produced again and read`, async (t, backend) => {
    const store = backend.store()
    const reasons: string[] = []
    const produce = (context: { reason: string }) => {
      reasons.push(context.reason)
      return content
    }
    await store.getOrPut('a', produce)
    await damage(backend)
    t.deepEqual(await store.getOrPut('a', produce, { read }), content)
    t.deepEqual(reasons, ['not-found', reason])
    t.is((await store.verify('a')).state, 'intact')
  })
}

onEveryEngine('a file is healed once for all who cannot read it', async (t, backend) => {
  const store = backend.store()
  let calls = 0
  const produce = () => {
    calls++
    return content
  }
  await store.getOrPut('a', produce)
  await backend.delete(chunk)
  const ask = () => store.getOrPut('a', produce, { read })
  t.deepEqual(await Promise.all([ask(), ask(), ask()]), Array(3).fill(content))
  t.is(calls, 2)
})

onEveryEngine('a file that cannot be healed is an error in the end', async (t, backend) => {
  const store = backend.store()
  let calls = 0
  const produce = () => {
    calls++
    return content
  }
  const lose = async (file: StoredFile) => {
    await backend.delete(chunk)
    return file.bytes()
  }
  await t.throwsAsync(store.getOrPut('a', produce, { read: lose }), { code: 'evicted' })
  t.is(calls, 3)
})

onEveryEngine('what was stored in place of an unusable file is taken', async (t, backend) => {
  const store = backend.store()
  await store.put(content, { name: 'a' })
  const file = await store.find('a')
  while (Date.now() === file.storedAt.getTime()) await new Promise(setImmediate)
  await store.put(content, { name: 'a' })
  const produce = () => 'other content'
  const unusable = { file, reason: 'evicted' } as const
  t.is((await store.fill('a', produce, { unusable })).outcome, 'hit')
  const again = { file: await store.find('a'), reason: 'corrupt' } as const
  const healed = await store.fill('a', produce, { unusable: again, whole: true })
  t.like(healed, { outcome: 'filled', reason: 'corrupt' })
  t.is((await store.find('a')).hash, Digest.of(Buffer.from('other content')).hex)
})

onEveryEngine(
  'what read throws otherwise, and what it returns, is passed on',
  async (t, backend) => {
    const store = backend.store()
    const produce = () => content
    const failing = () => {
      throw new TypeError('no')
    }
    await t.throwsAsync(store.getOrPut('a', produce, { read: failing }), { instanceOf: TypeError })
    t.is(await store.getOrPut('a', produce, { read: (file) => file.size }), 2500)
  },
)
