import test from 'ava'
import { FileStore, type InvalidArgumentError, memory } from '../../../src/index.ts'

// JavaScript without types passes what a look-up did not find: mime's getType() returns null.
const refused: [string, object][] = [
  ['a type that is null', { type: null }],
  ['a type that is a number', { type: 5 }],
  ['attributes that are null', { attributes: null }],
  ['attributes that are a list', { attributes: ['a'] }],
  ['an attribute that is a number', { attributes: { a: 5 } }],
]

for (const [what, options] of refused) {
  test(`${what} is refused and changes nothing`, async (t) => {
    const store = new FileStore(memory())
    t.teardown(() => store.close())
    await store.put('old', { name: 'a' })
    await t.throwsAsync<InvalidArgumentError>(store.put('new', { name: 'a', ...options }), {
      code: 'bad-request',
    })
    t.is(Buffer.from(await (await store.get('a')).bytes()).toString(), 'old')
  })
}
