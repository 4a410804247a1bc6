import test from 'ava'
import { parseItem } from '../../../../src/engine/memcached/pages/oldest-items.ts'
import { parseSlabClasses } from '../../../../src/engine/memcached/pages/slab-classes.ts'

const SLABS = {
  '18:chunk_size': '4544',
  '18:chunks_per_page': '230',
  '18:total_pages': '3',
  '18:used_chunks': '680',
  '18:free_chunks': '10',
  active_slabs: '1',
  total_malloced: '3145728',
}
const ITEMS = {
  'items:18:number': '680',
  'items:18:number_cold': '300',
  'items:18:age_hot': '9',
  'items:18:age_warm': '70',
  'items:18:age': '42',
  'items:18:evicted': '17',
}

const parse = (items: Record<string, string>, slabs: Record<string, string>) => [
  ...parseSlabClasses(new Map(Object.entries(items)), new Map(Object.entries(slabs))).values(),
]

const WHOLE = {
  id: 18,
  pages: 3,
  chunksPerPage: 230,
  usedChunks: 680,
  freeChunks: 10,
  age: 42,
  evicted: 17,
}

test('a class is what both statistics tell of it', (t) => {
  t.deepEqual(parse(ITEMS, SLABS), [WHOLE])
})

const AGES: [string, Record<string, string>, number][] = [
  ['that of the oldest cold item', {}, 42],
  ['where none is cold, that of the oldest', { 'items:18:number_cold': '0' }, 70],
  ['0 when it is absurd', { 'items:18:age': '-1' }, 0],
]
for (const [what, changes, age] of AGES) {
  test(`the age of a class is ${what}`, (t) => {
    t.is(parse({ ...ITEMS, ...changes }, SLABS)[0]?.age, age)
  })
}

test('a class without items has nothing to evict, one that tells no age is not old', (t) => {
  const empty = { ...SLABS, '18:used_chunks': '0', '18:free_chunks': '690' }
  t.is(parse({}, empty)[0]?.age, Number.POSITIVE_INFINITY)
  t.is(parse({}, SLABS)[0]?.age, 0)
})

const LEFT_OUT: [string, Record<string, string>][] = [
  ['no pages', { '18:total_pages': '0' }],
  ['pages that are no number', { '18:total_pages': '1e3' }],
  ['no chunks on a page', { '18:chunks_per_page': '0' }],
  ['more digits than a number has', { '18:used_chunks': '9'.repeat(400) }],
  ['a negative figure', { '18:free_chunks': '-1' }],
]
for (const [what, changes] of LEFT_OUT) {
  test(`a class with ${what} is left out`, (t) => {
    t.deepEqual(parse(ITEMS, { ...SLABS, ...changes }), [])
  })
}

test('nothing, and numbers that are no class, are no classes', (t) => {
  t.deepEqual(parse({}, {}), [])
  t.deepEqual(parse({}, { ':total_pages': '1', '0:total_pages': '1', '1000:total_pages': '1' }), [])
})

const HASH = '4650'.repeat(16)

const line = (key: string, rest = 'exp=-1 la=1795646437 cas=1025 fetch=yes cls=39 size=524163') =>
  `key=${key} ${rest}`

test('an item of a dump is its key, its version and when it was used last', (t) => {
  const item = { key: `~c:${HASH}`, cas: '1025', usedAt: 1_795_646_437 }
  t.deepEqual(parseItem(line(`%7Ec%3A${HASH}`)), item)
})

const NO_ITEMS: [string, string][] = [
  ['an empty line', ''],
  ['no key', line('')],
  ['a key that ends the line', line(`c%3A${HASH}%0D%0Aflush_all`)],
  ['a key with a space', line(`a%20c%3A${HASH}`)],
  ['a key that is too long', line(`${'k'.repeat(185)}c%3A${HASH}`)],
  ['what another application stored', line('session%3A4650')],
  ['the key of the claim', line('blobcached%3Apage-mover')],
  ['no version, as with -C', line(`c%3A${HASH}`, 'exp=-1 la=1 cas=0 fetch=no cls=1 size=60')],
  [
    'an absurd version',
    line(`c%3A${HASH}`, `exp=-1 la=1 cas=${'9'.repeat(30)} fetch=no cls=1 size=60`),
  ],
  ['no time', line(`c%3A${HASH}`, 'exp=-1 cas=1 fetch=no cls=1 size=60')],
]
for (const [what, text] of NO_ITEMS) {
  test(`${what} is no item that could be removed`, (t) => {
    t.is(parseItem(text), undefined)
  })
}
