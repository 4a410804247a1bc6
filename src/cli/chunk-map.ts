import type { State, Verification } from '../index.ts'
import type { colorsFor } from './colors.ts'

/** What stands for a chunk: shapes that differ without their colours. */
export const GLYPHS: Record<State, string> = { intact: '■', evicted: '□', corrupt: '✗' }
const SEVERITY: Record<State, number> = { intact: 0, evicted: 1, corrupt: 2 }
/** Rows of a map; a larger file has several chunks behind each glyph. */
const MAX_ROWS = 12

export interface ChunkMap {
  rows: string[]
  /** Chunks behind one glyph, which shows the worst of them. */
  chunksPerGlyph: number
}

export function chunkMap(
  { chunks }: Pick<Verification, 'chunks'>,
  width: number,
  colors: ReturnType<typeof colorsFor>,
): ChunkMap {
  const chunksPerGlyph = Math.max(1, Math.ceil(chunks.length / (width * MAX_ROWS)))
  const states = groups(chunks, chunksPerGlyph).map(worstOf)
  const paint = {
    intact: colors.green,
    evicted: colors.yellow,
    corrupt: colors.red,
  }
  const rows = groups(states, width).map((row) =>
    runsOf(row)
      .map(({ state, length }) => paint[state](GLYPHS[state].repeat(length)))
      .join(''),
  )
  return { rows, chunksPerGlyph }
}

/** Neighbours of one state take one change of colour. */
function runsOf(states: readonly State[]): { state: State; length: number }[] {
  const runs: { state: State; length: number }[] = []
  for (const state of states) {
    const last = runs.at(-1)
    if (last?.state === state) last.length++
    else runs.push({ state, length: 1 })
  }
  return runs
}

/** Wrong weighs more than gone. */
function worstOf(items: readonly { state: State }[]): State {
  return items.reduce<State>(
    (state, item) => (SEVERITY[item.state] > SEVERITY[state] ? item.state : state),
    'intact',
  )
}

function groups<T>(items: readonly T[], size: number): T[][] {
  const count = Math.ceil(items.length / size)
  return Array.from({ length: count }, (_, index) => items.slice(index * size, (index + 1) * size))
}
