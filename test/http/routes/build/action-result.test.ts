import test from 'ava'
import fc from 'fast-check'
import { filesOfTree, outputsOf } from '../../../../src/http/routes/build/action-result.ts'
import { MalformedMessageError } from '../../../../src/http/routes/build/wire.ts'
import { Digest } from '../../../../src/index.ts'
import {
  digestOf,
  directory,
  field,
  message,
  outputDirectory,
  outputFile,
  varintField,
} from '../../../helpers/protobuf.ts'

const hashes = (...contents: (string | Buffer)[]) =>
  new Set(contents.map((content) => Digest.of(Buffer.from(content)).hex))

test('an action result names its files, its directories and what it printed', async (t) => {
  const tree = message(field(1, directory({ a: 'in a directory' })))
  const result = message(
    field(2, outputFile('out/a', 'a')),
    field(2, outputFile('out/b', 'b')),
    field(3, outputDirectory('out/d', tree)),
    varintField(4, 0),
    field(6, digestOf('printed')),
    field(8, digestOf('complained')),
    field(9, field(1, 'the worker')),
  )
  t.deepEqual(await outputsOf(result), {
    files: hashes('a', 'b', 'printed', 'complained'),
    trees: hashes(tree),
  })
})

test('a file whose contents are in the action result itself is not looked for', async (t) => {
  const inline = message(outputFile('out/a', 'a'), field(5, 'a'))
  t.deepEqual((await outputsOf(field(2, inline))).files, new Set())
})

test('no bytes are an action result without outputs', async (t) => {
  t.deepEqual(await outputsOf(Buffer.alloc(0)), { files: new Set(), trees: new Set() })
})

test('a tree names the files of all its directories', async (t) => {
  const tree = message(
    field(1, directory({ a: 'a', b: 'b' })),
    field(2, directory({ c: 'c' })),
    field(2, directory({ d: 'a' })),
  )
  t.deepEqual(await filesOfTree(tree), hashes('a', 'b', 'c'))
})

const malformed: [string, Buffer][] = [
  ['a field cut short', message(field(2, outputFile('out/a', 'a'))).subarray(0, -1)],
  ['a length beyond the end', Buffer.from([0x12, 0xff, 0xff, 0xff, 0xff, 0x0f])],
  ['a varint without end', Buffer.alloc(64, 0xff)],
  ['a varint cut short', Buffer.from([0x20, 0x80])],
  ['field number zero', Buffer.from([0x00, 0x00])],
  ['a group', Buffer.from([0x13, 0x14])],
  ['a number where a file should be', varintField(2, 1)],
  ['a digest that is no SHA-256', field(6, field(1, 'da39a3ee5e6b4b0d3255bfef95601890afd80709'))],
  ['what ccache stores', Buffer.from('cCrS\u0001\u0000\u0000')],
]
for (const [what, bytes] of malformed) {
  test(`no action result: ${what}`, async (t) => {
    await t.throwsAsync(outputsOf(bytes), { instanceOf: MalformedMessageError })
  })
}

test('whatever the bytes are, they are read in full or refused as malformed', async (t) => {
  const result = message(field(2, outputFile('out/a', 'a')), field(6, digestOf('printed')))
  const damaged = fc
    .tuple(fc.nat(result.length - 1), fc.nat(255))
    .map(([at, byte]) =>
      Buffer.concat([result.subarray(0, at), Buffer.from([byte]), result.subarray(at + 1)]),
    )
  const arbitrary = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes))
  await fc.assert(
    fc.asyncProperty(fc.oneof(damaged, arbitrary), async (bytes) => {
      try {
        const { files, trees } = await outputsOf(bytes)
        for (const hash of [...files, ...trees]) t.true(Digest.isHex(hash))
      } catch (error) {
        if (!(error instanceof MalformedMessageError)) throw error
      }
      return true
    }),
    { numRuns: 2000 },
  )
  t.pass()
})

test('others have their turn while a large tree is read', async (t) => {
  const names = Array.from({ length: 60_000 }, (_, index) => `${index}`)
  const files = names.map((name) => field(1, field(2, field(1, name.padStart(64, '0')))))
  const reading = filesOfTree(field(1, message(...files)))
  let turns = 0
  let isRead = false
  void reading.then(() => (isRead = true))
  while (!isRead) {
    turns++
    await new Promise(setImmediate)
  }
  t.is((await reading).size, 60_000)
  t.true(turns > 1, `${turns} turns`)
})
