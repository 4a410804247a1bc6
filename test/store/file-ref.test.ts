import test from 'ava'
import { Digest } from '../../src/digest.ts'
import { describeRef, type FileRef, parseRef } from '../../src/store/file-ref.ts'

const HEX = Digest.empty.hex

const refs: [string, FileRef, 'name' | 'hash'][] = [
  ['64 lowercase hexadecimal digits', HEX, 'hash'],
  ['a Digest', Digest.empty, 'hash'],
  ['a hash that is said to be one', { hash: HEX }, 'hash'],
  ['a Digest that is said to be one', { hash: Digest.empty }, 'hash'],
  ['64 uppercase digits', HEX.toUpperCase(), 'name'],
  ['63 digits', HEX.slice(1), 'name'],
  ['a hash and a newline away', `${HEX} `, 'name'],
  ['a name that looks like a hash', { name: HEX }, 'name'],
  ['slashes, spaces and dots', '../a b//c/.', 'name'],
  ['1,024 bytes', 'ü'.repeat(512), 'name'],
  ['beyond the basic plane', '🌍', 'name'],
]
for (const [what, ref, kind] of refs) {
  test(`${what}: a ${kind}`, (t) => {
    const parsed = parseRef(ref)
    t.true(kind in parsed)
    t.true(describeRef(parsed).startsWith(kind === 'name' ? 'file "' : 'content e3b0c4'))
  })
}

const impossible: [string, FileRef][] = [
  ['an empty name', ''],
  ['an empty name that is said to be one', { name: '' }],
  ['a newline', 'a\nb'],
  ['a zero byte', 'a\0'],
  ['DEL', '\u007f'],
  ['a C1 control', 'a\u0085'],
  ['half a surrogate pair', 'a\ud83c'],
  ['the halves swapped', '\udf0d\ud83c'],
  ['1,025 bytes', `${'ü'.repeat(512)}a`],
  ['a hash in uppercase', { hash: HEX.toUpperCase() }],
  ['a short hash', { hash: 'e3b0' }],
]
for (const [what, ref] of impossible) {
  test(`${what}: refused`, (t) => {
    t.throws(() => parseRef(ref), { code: 'bad-request' })
  })
}
