import test from 'ava'
import { Digest } from '../../../src/digest.ts'
import { isKeyOfFiles } from '../../../src/engine/key.ts'
import { Keys } from '../../../src/store/records/keys.ts'

const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
/** printf 'a name' | sha256sum */
const A_NAME = '36e96c62633613d6f8e98943830ed5c5f814c2bb9214d8bba577386096bc926a'

test('three kinds of keys, of one length, behind a prefix', (t) => {
  for (const prefix of [undefined, '', 'tenant-7/', '~'.repeat(100)]) {
    const keys = new Keys(prefix)
    const digest = Digest.parse(EMPTY)
    const all = [keys.chunk(digest), keys.linkByHash(digest), keys.linkByName('a name')]
    t.deepEqual(
      all,
      [`c:${EMPTY}`, `h:${EMPTY}`, `n:${A_NAME}`].map((key) => (prefix ?? '') + key),
    )
    for (const key of all) t.is(key.length, keys.length)
  }
})

test('a prefix that memcached would not take is refused', (t) => {
  for (const prefix of ['a b', 'ü', 'a\n', '\u007f', 'x'.repeat(101)]) {
    t.throws(() => new Keys(prefix), { code: 'bad-request' }, JSON.stringify(prefix))
  }
})

test('names that look alike have keys of their own', (t) => {
  const keys = new Keys()
  const names = ['ü', 'u\u0308', 'U', 'u', 'u ', '/u', 'u/', './u']
  t.is(new Set(names.map((name) => keys.linkByName(name))).size, names.length)
})

test('the engine knows every key of ours by its form, and no other', (t) => {
  const digest = Digest.parse(EMPTY)
  for (const prefix of ['', 'tenant-7/', 'c:', '~'.repeat(100)]) {
    const keys = new Keys(prefix)
    for (const key of [keys.chunk(digest), keys.linkByHash(digest), keys.linkByName('a name')]) {
      t.true(isKeyOfFiles(key), key)
    }
  }
  const others = [
    '',
    EMPTY,
    'blobcached:page-mover',
    'session:4711',
    `x:${EMPTY}`,
    `c:${EMPTY}0`,
    `c:${EMPTY.slice(1)}`,
    `c:${EMPTY.toUpperCase()}`,
    `c:${EMPTY}\n`,
    `a b:c:${EMPTY}`,
    `${'~'.repeat(101)}c:${EMPTY}`,
  ]
  for (const key of others) t.false(isKeyOfFiles(key), JSON.stringify(key))
})
