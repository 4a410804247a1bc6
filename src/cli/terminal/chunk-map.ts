import { type HealthJson, type State, worstOf } from '../../api/chunks.ts'
import type { colorsFor } from './colors.ts'

type Colors = ReturnType<typeof colorsFor>

/** One character for each state; they differ without colours too. */
export const GLYPHS: Record<State, string> = { intact: '■', evicted: '□', corrupt: '✗' }
/** Rows of a map at most; in a larger file each glyph stands for several chunks. */
const MAX_ROWS = 12

/** The colour of each state. */
export function paintFor(colors: Colors): Record<State, (text: string) => string> {
  return { intact: colors.green, evicted: colors.yellow, corrupt: colors.red }
}

export interface ChunkMap {
  rows: string[]
  /** Chunks that one glyph stands for; it shows the worst of them. */
  chunksPerGlyph: number
}

export function chunkMap(
  { chunks }: Pick<HealthJson, 'chunks'>,
  width: number,
  colors: Colors,
): ChunkMap {
  const chunksPerGlyph = Math.max(1, Math.ceil(chunks.length / (width * MAX_ROWS)))
  const states = groups(chunks, chunksPerGlyph).map(worstOf)
  const paint = paintFor(colors)
  const rows = groups(states, width).map((row) =>
    row.map((state) => paint[state](GLYPHS[state])).join(''),
  )
  return { rows, chunksPerGlyph }
}

function groups<T>(items: readonly T[], size: number): T[][] {
  const count = Math.ceil(items.length / size)
  return Array.from({ length: count }, (_, index) => items.slice(index * size, (index + 1) * size))
}
