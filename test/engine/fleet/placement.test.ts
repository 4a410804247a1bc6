import { createHash } from 'node:crypto'
import test from 'ava'
import { type Place, Placement } from '../../../src/engine/fleet/placement.ts'

const KEYS = Array.from(
  { length: 20_000 },
  (_, i) => `c:${createHash('sha256').update(String(i)).digest('hex')}`,
)

const places = (count: number, weight = (_index: number) => 1): Place[] =>
  Array.from({ length: count }, (_, i) => ({ name: `10.0.0.${i}:11211`, weight: weight(i) }))

/** The part of the keys that each place is at `position` for. */
function shares(list: readonly Place[], position = 0): Map<string, number> {
  const placement = new Placement(list)
  const counts = new Map<string, number>()
  for (const key of KEYS) {
    const { name } = placement.rank(key)[position]!
    counts.set(name, (counts.get(name) ?? 0) + 1 / KEYS.length)
  }
  return counts
}

for (const count of [2, 5, 16]) {
  test(`${count} servers hold equal shares, as first and as second`, (t) => {
    for (const position of [0, 1]) {
      const parts = shares(places(count), position)
      t.is(parts.size, count)
      for (const part of parts.values()) t.true(Math.abs(part * count - 1) < 0.1, `${part}`)
    }
  })
}

test('a server holds in proportion to its weight', (t) => {
  const parts = shares(places(4, (index) => index + 1))
  for (const [index, { name }] of places(4).entries()) {
    t.true(Math.abs(parts.get(name)! - (index + 1) / 10) < 0.015, `${name} ${parts.get(name)}`)
  }
})

test('one more of N servers takes 1/N of the keys and moves no other key', (t) => {
  for (const count of [2, 5, 10]) {
    const before = new Placement(places(count - 1))
    const after = new Placement(places(count))
    const added = places(count).at(-1)!.name
    let moved = 0
    for (const key of KEYS) {
      const names = after.rank(key).map(({ name }) => name)
      if (names[0] === added) moved++
      t.deepEqual(
        names.filter((name) => name !== added),
        before.rank(key).map(({ name }) => name),
      )
    }
    t.true(Math.abs((moved / KEYS.length) * count - 1) < 0.1, `${moved} of ${KEYS.length}`)
  }
})

test('a weight that grows draws keys to its server and moves no other key', (t) => {
  const before = new Placement(places(4))
  const after = new Placement(places(4, (index) => (index === 2 ? 1.5 : 1)))
  for (const key of KEYS) {
    const [was, is] = [before.rank(key)[0]!.name, after.rank(key)[0]!.name]
    if (was !== is) t.is(is, places(4)[2]!.name)
  }
})

test('the order of the list means nothing', (t) => {
  const forth = new Placement(places(7))
  const back = new Placement(places(7).reverse())
  for (const key of KEYS.slice(0, 2000)) t.deepEqual(forth.rank(key), back.rank(key))
})

test('short and similar keys spread as well', (t) => {
  const placement = new Placement(places(4))
  const counts = new Map<string, number>()
  for (let i = 0; i < 4000; i++) {
    const { name } = placement.rank(`key${i}`)[0]!
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  for (const count of counts.values()) t.true(Math.abs(count - 1000) < 120, `${count}`)
})

test('placement is part of the format: it stays what it was in every release', (t) => {
  const placement = new Placement([
    { name: 'a:11211', weight: 1 },
    { name: 'b:11211', weight: 1 },
    { name: 'c:11211', weight: 2 },
  ])
  const order = (key: string) =>
    placement
      .rank(key)
      .map(({ name }) => name[0])
      .join('')
  t.is(KEYS.slice(0, 8).map(order).join(' '), 'cba acb cab acb bca bca cab bca')
})
