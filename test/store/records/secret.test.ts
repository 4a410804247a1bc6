import { Digest, type FileStoreOptions } from '../../../src/index.ts'
import { onEveryEngine } from '../../helpers/engines.ts'

const key = `n:${Digest.of(Buffer.from('a')).hex}`
const hash = Digest.of(Buffer.from('content')).hex

type Secret = FileStoreOptions['secret']

const cases: [string, Secret, Secret, boolean][] = [
  ['the same secret', 'one', 'one', true],
  ['the same secret as bytes', 'one', Buffer.from('one'), true],
  ['a newer secret beside it', 'one', ['two', 'one'], true],
  ['several newer secrets', 'one', ['three', 'two', 'one'], true],
  ['another secret', 'one', 'two', false],
  ['a secret that was taken out', 'one', ['three', 'two'], false],
  ['no secret', 'one', undefined, false],
  ['a secret where there was none', undefined, 'one', false],
  ['no secret where there was none', undefined, undefined, true],
]
for (const [what, sealedWith, readWith, fits] of cases) {
  onEveryEngine(
    `invariant 8: read with ${what}: ${fits ? 'served' : 'corrupt'}`,
    async (t, backend) => {
      await backend.store({ secret: sealedWith }).put('content', { name: 'a' })
      const reader = backend.store({ secret: readWith })
      for (const ref of [{ name: 'a' }, { hash }]) {
        if (fits) t.is((await (await reader.get(ref)).bytes()).toString(), 'content')
        else await t.throwsAsync(reader.get(ref), { code: 'corrupt' })
      }
      const healed = await reader.put('content', { name: 'a' })
      t.false(healed.created)
      t.is((await (await reader.get('a')).bytes()).toString(), 'content')
    },
  )
}

onEveryEngine(
  'invariant 8: who can write to memcached but lacks the secret forges nothing',
  async (t, backend) => {
    const store = backend.store({ secret: 'secret' })
    await store.put('good', { name: 'a' })
    const genuine = (await backend.get(key))!
    const forger = backend.store({ secret: 'guess' })
    for (const forge of [backend.store(), forger]) {
      await forge.put('evil', { name: 'a' })
      await t.throwsAsync(store.get('a'), { code: 'corrupt' })
    }
    const unsealed = (await backend.get(key))!
    unsealed[5] = genuine[5]!
    await backend.set(key, unsealed)
    await t.throwsAsync(store.get('a'), { code: 'corrupt' })
    await backend.set(key, genuine)
    t.is((await (await store.get('a')).bytes()).toString(), 'good')
  },
)
