/** Chunks laid out as squares, in CSS pixels. */
export interface Grid {
  /** Chunks that one square stands for. */
  readonly perCell: number
  readonly cells: number
  readonly columns: number
  readonly rows: number
  /** From one square to the next, the gap included. */
  readonly pitch: number
}

/** Smaller squares for more chunks, but large enough to tell their patterns apart. */
const PITCHES = [
  { upTo: 60, pitch: 24 },
  { upTo: 300, pitch: 16 },
  { upTo: 1000, pitch: 12 },
  { upTo: Number.POSITIVE_INFINITY, pitch: 9 },
]
/** Beyond so many rows, a square stands for several chunks. */
const MAX_ROWS = 44

export function layOut(chunks: number, width: number): Grid {
  const { pitch } = PITCHES.find(({ upTo }) => chunks <= upTo)!
  const columns = Math.max(1, Math.floor(width / pitch))
  const perCell = Math.ceil(chunks / (columns * MAX_ROWS))
  const cells = Math.ceil(chunks / perCell)
  return { perCell, cells, columns, rows: Math.ceil(cells / columns), pitch }
}

/** The square at a point of the grid, if there is one. */
export function cellAt({ cells, columns, pitch }: Grid, x: number, y: number): number | undefined {
  const column = Math.floor(x / pitch)
  const cell = Math.floor(y / pitch) * columns + column
  return column >= 0 && column < columns && cell >= 0 && cell < cells ? cell : undefined
}
