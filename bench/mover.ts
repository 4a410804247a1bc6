import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import pMap from 'p-map'
import { type FileStore, InsufficientStorageError } from '../src/index.ts'
import { LIMIT_MB, MiB, putMany, withStore } from './retained.ts'
import { type Section, table } from './section.ts'
import { round } from './statistics.ts'

const LARGE = 16_000_000
const SMALL = 4096
/** As many small files as fit easily. */
const NEWEST = 30_000
const AT_ONCE = 32
/** Seconds after the fill. */
const LOOKS = [6, 30, 60]

/** Measures how soon small files get the memory of large ones, with the page mover and without, and whose it was. */
export async function moverSection(): Promise<Section> {
  const rows: string[][] = []
  for (const pageMover of [true, false]) {
    const measured = await withStore(LIMIT_MB, smallAfterLarge, { pageMover })
    rows.push([pageMover ? 'with' : 'without', ...measured])
  }
  console.error('measured the page mover')
  const looks = LOOKS.map((seconds) => `${seconds} s`)
  const head = ['page mover', ...looks, 'large files left, MB', 'small files stored, MB', 'refused']
  const text =
    `Files of 16 MB are stored, twice what ${LIMIT_MB} MiB hold; then small ones of 4 KB, 500 and half a second's pause in ` +
    `turn. The share of the newest small files that are whole, of ${NEWEST.toLocaleString('en')} at most, and what is left ` +
    `at the end.\n\n${table(head, rows)}`
  return { title: 'The page mover', text }
}

async function smallAfterLarge(store: FileStore): Promise<string[]> {
  const large = await putMany(store, LARGE, Math.ceil((2 * LIMIT_MB * MiB) / LARGE))
  const small: string[] = []
  const shares: string[] = []
  let refused = 0
  const put = async () => {
    try {
      small.push((await store.put(randomBytes(SMALL))).hash)
    } catch (error) {
      if (!(error instanceof InsufficientStorageError)) throw error
      refused++
    }
  }
  const start = performance.now()
  for (const seconds of LOOKS) {
    while (performance.now() - start < seconds * 1000) {
      await pMap(Array.from({ length: 500 }), put, { concurrency: AT_ONCE })
      await sleep(500)
    }
    const newest = small.slice(-NEWEST)
    const lost = await store.missing(newest)
    shares.push(round(1 - lost.length / newest.length))
  }
  // Last: to ask for files makes them young.
  const left = large.length - (await store.missing(large)).length
  return [
    ...shares,
    round((left * LARGE) / 1e6),
    round((small.length * SMALL) / 1e6),
    String(refused),
  ]
}
