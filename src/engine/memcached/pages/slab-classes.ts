/** Items of one range of sizes, and the memory that memcached has given to them. */
export interface SlabClass {
  readonly id: number
  /** Of 1 MiB each. */
  readonly pages: number
  readonly chunksPerPage: number
  readonly usedChunks: number
  readonly freeChunks: number
  /**
   * Seconds since the item that would be evicted next was used: 0 when memcached does not tell,
   * `Infinity` when there is nothing to evict.
   */
  readonly age: number
  /** Items evicted, and items that there was no room for, since memcached was started. */
  readonly evicted: number
}

type Figures = ReadonlyMap<string, string>

/** Memcached has 63, numbered from 1. */
const MAX_CLASS = 255
const SLABS = /^(\d{1,3}):total_pages$/

/**
 * Parses what `stats items` and `stats slabs` tell of each class that has memory. Leaves out a
 * class that lacks a figure or has an impossible one.
 */
export function parseSlabClasses(items: Figures, slabs: Figures): Map<number, SlabClass> {
  const classes = new Map<number, SlabClass>()
  for (const name of slabs.keys()) {
    const id = Number(SLABS.exec(name)?.[1] ?? 0)
    if (id < 1 || id > MAX_CLASS) continue
    const parsed = parseClass(id, items, slabs)
    if (parsed !== undefined) classes.set(id, parsed)
  }
  return classes
}

function parseClass(id: number, items: Figures, slabs: Figures): SlabClass | undefined {
  const slab = (name: string) => count(slabs.get(`${id}:${name}`))
  const pages = slab('total_pages')
  const chunksPerPage = slab('chunks_per_page')
  const usedChunks = slab('used_chunks')
  const freeChunks = slab('free_chunks')
  if (!pages || !chunksPerPage || usedChunks === undefined || freeChunks === undefined) {
    return undefined
  }
  const total = (name: string) => count(items.get(`items:${id}:${name}`)) ?? 0
  const evicted = total('evicted') + total('outofmemory')
  const age = usedChunks === 0 ? Number.POSITIVE_INFINITY : parseAge(id, items)
  return { id, pages, chunksPerPage, usedChunks, freeChunks, age, evicted }
}

/** Memcached evicts cold items; the others count when there is none. */
function parseAge(id: number, items: Figures): number {
  const item = (name: string) => count(items.get(`items:${id}:${name}`)) ?? 0
  const cold = item('age')
  if (item('number_cold') > 0) return cold
  return Math.max(cold, item('age_hot'), item('age_warm'))
}

function count(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined
}
