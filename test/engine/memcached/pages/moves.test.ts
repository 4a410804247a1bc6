import test from 'ava'
import { decideMoves } from '../../../../src/engine/memcached/pages/moves.ts'
import type { SlabClass } from '../../../../src/engine/memcached/pages/slab-classes.ts'

const SMALL = 18
const LINKS = 6
const LARGE = 39
const OTHER = 37

function slabClass(id: number, changes: Partial<SlabClass>): SlabClass {
  const chunksPerPage = { [SMALL]: 230, [LINKS]: 3449, [LARGE]: 2, [OTHER]: 3 }[id]!
  const { pages = 10, freeChunks = 0 } = changes
  const usedChunks = pages * chunksPerPage - freeChunks
  return { id, pages, chunksPerPage, usedChunks, freeChunks, age: 0, evicted: 0, ...changes }
}

type Changes = Record<number, Partial<SlabClass>>

const look = (at: number, changes: Changes) => {
  const classes = Object.entries(changes).map(([id, each]) => slabClass(Number(id), each))
  return { at, classes: new Map(classes.map((each) => [each.id, each])) }
}

/** What is moved when `changes` is what there is now, and a second ago nothing had been evicted. */
function decide(
  changes: Changes,
  fedSecondsAgo: Record<number, number> = {},
  before: Changes = {},
  barrenSecondsAgo: Record<number, number> = {},
) {
  const at = (ago: Record<number, number>) =>
    new Map(Object.entries(ago).map(([id, seconds]) => [+id, 100 - seconds]))
  const old = Object.fromEntries(
    Object.entries(changes).map(([id, each]) => [id, { ...each, evicted: 0, ...before[+id] }]),
  )
  const moves = decideMoves(look(99, old), look(100, changes), {
    fedAt: at(fedSecondsAgo),
    barrenAt: at(barrenSecondsAgo),
  })
  return moves.map(({ from, to, pages }) => `${from.id} > ${to.id}: ${pages}`)
}

const starved = { pages: 5, age: 1, evicted: 460 }
const old = { pages: 250, age: 60 }

const CASES: [string, string[], ...Parameters<typeof decide>][] = [
  [
    'a class that evicts gets room for two seconds',
    ['39 > 18: 4'],
    { [SMALL]: starved, [LARGE]: old },
  ],
  [
    'what is free counts',
    ['39 > 18: 3'],
    { [SMALL]: { ...starved, freeChunks: 230 }, [LARGE]: old },
  ],
  [
    'at most a part is given',
    ['39 > 18: 10'],
    { [SMALL]: { ...starved, evicted: 1e6 }, [LARGE]: old },
  ],
  [
    'a small donor gives a tenth',
    ['39 > 18: 2'],
    { [SMALL]: starved, [LARGE]: { ...old, pages: 20 } },
  ],
  ['the last pages stay', ['39 > 18: 1'], { [SMALL]: starved, [LARGE]: { ...old, pages: 4 } }],
  ['they stay', [], { [SMALL]: starved, [LARGE]: { ...old, pages: 3 } }],
  ['nothing is evicted', [], { [SMALL]: { ...starved, evicted: 0 }, [LARGE]: old }],
  ['both are about as old', [], { [SMALL]: { ...starved, age: 50 }, [LARGE]: old }],
  [
    'a fraction of a second is no age',
    [],
    { [SMALL]: { ...starved, age: 0 }, [LARGE]: { ...old, age: 0 } },
  ],
  ['alone', [], { [SMALL]: starved }],
  ['nothing at all', [], {}],
  [
    'the oldest gives first, and of those as old the largest',
    ['39 > 18: 4'],
    { [SMALL]: starved, [OTHER]: { pages: 100, age: 60 }, [LARGE]: old },
  ],
  [
    'the next oldest gives what is lacking',
    ['37 > 18: 1', '39 > 18: 3'],
    { [SMALL]: starved, [OTHER]: { pages: 9, age: 90 }, [LARGE]: old },
  ],
  [
    'the youngest takes first, and none gets what another has got',
    ['39 > 6: 1', '39 > 18: 9'],
    { [SMALL]: { ...starved, evicted: 5000 }, [LINKS]: { pages: 2, evicted: 900 }, [LARGE]: old },
  ],
  [
    'pages without a value go first, but for one',
    ['37 > 18: 4'],
    { [SMALL]: starved, [OTHER]: { pages: 90, freeChunks: 15, age: 0 }, [LARGE]: old },
  ],
  [
    'who was given pages gets more as they fill',
    ['39 > 18: 3'],
    { [SMALL]: { ...starved, freeChunks: 230, evicted: 0 }, [LARGE]: old },
    { [SMALL]: 2 },
    { [SMALL]: { usedChunks: 800 - 230 } },
  ],
  ['who was given pages gives none', [], { [SMALL]: starved, [LARGE]: old }, { [LARGE]: 9 }],
  ['but later it does', ['39 > 18: 4'], { [SMALL]: starved, [LARGE]: old }, { [LARGE]: 11 }],
  [
    'who had nothing to remove is passed over',
    ['37 > 18: 4'],
    { [SMALL]: starved, [OTHER]: { pages: 100, age: 50 }, [LARGE]: old },
    {},
    {},
    { [LARGE]: 59 },
  ],
  ['but not for ever', ['39 > 18: 4'], { [SMALL]: starved, [LARGE]: old }, {}, {}, { [LARGE]: 61 }],
  [
    'nor where it has pages without a value',
    ['39 > 18: 2'],
    { [SMALL]: starved, [LARGE]: { ...old, freeChunks: 6 } },
    {},
    {},
    { [LARGE]: 1 },
  ],
  [
    'memcached was restarted',
    [],
    { [SMALL]: starved, [LARGE]: old },
    {},
    { [SMALL]: { evicted: 9e9 } },
  ],
]
for (const [what, moves, ...facts] of CASES) {
  test(`pages that move: ${what}`, (t) => t.deepEqual(decide(...facts), moves))
}

const NO_HISTORY = { fedAt: new Map<number, number>(), barrenAt: new Map<number, number>() }

test('a class that has just come up is left alone until the next look', (t) => {
  const now = look(100, { [SMALL]: starved, [LARGE]: old })
  t.deepEqual(decideMoves(look(99, { [LARGE]: old }), now, NO_HISTORY), [])
  t.deepEqual(decideMoves(now, now, NO_HISTORY), [])
})

test('two classes that take from each other do not swap pages for ever', (t) => {
  // Each holds what it stores for as long as its pages last; both store all the time.
  const rates: Record<number, number> = { [SMALL]: 1000, [LARGE]: 40 }
  const pages: Record<number, number> = { [SMALL]: 1, [LARGE]: 250 }
  const fedAt = new Map<number, number>()
  const moved: number[] = []
  const at = (second: number) => {
    const classes = [SMALL, LARGE].map((id) => {
      const { chunksPerPage } = slabClass(id, {})
      const age = Math.floor((pages[id]! * chunksPerPage) / rates[id]!)
      return slabClass(id, { pages: pages[id]!, age, evicted: second * rates[id]! })
    })
    return { at: second, classes: new Map(classes.map((each) => [each.id, each])) }
  }
  for (let second = 1; second <= 300; second++) {
    let sum = 0
    for (const move of decideMoves(at(second - 1), at(second), { ...NO_HISTORY, fedAt })) {
      pages[move.from.id]! -= move.pages
      pages[move.to.id]! += move.pages
      fedAt.set(move.to.id, second)
      sum += move.pages
    }
    moved.push(sum)
  }
  t.true(pages[SMALL]! > 30, JSON.stringify(pages))
  t.deepEqual(new Set(moved.slice(100)), new Set([0]))
})
