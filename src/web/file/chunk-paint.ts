import type { State } from '../../api/chunks.ts'
import type { Grid } from './chunk-grid.ts'

export type Palette = Record<State | 'mark', string>

/** The colours of the page's current theme. */
export function paletteOf(element: HTMLElement): Palette {
  const style = getComputedStyle(element)
  const colour = (name: string) => style.getPropertyValue(`--${name}`).trim()
  return {
    intact: colour('intact'),
    evicted: colour('evicted'),
    corrupt: colour('corrupt'),
    mark: colour('surface'),
  }
}

/** Draws every square: full where intact, an empty frame where evicted, crossed out where corrupt. */
export function paint(
  canvas: HTMLCanvasElement,
  { cells, columns, rows, pitch }: Grid,
  stateOf: (cell: number) => State,
  palette: Palette,
): void {
  const scale = devicePixelRatio
  const gap = pitch > 10 ? 3 : 2
  canvas.width = Math.ceil(columns * pitch * scale)
  canvas.height = Math.ceil(rows * pitch * scale)
  canvas.style.width = `${columns * pitch}px`
  canvas.style.height = `${rows * pitch}px`
  const context = canvas.getContext('2d')!
  context.scale(scale, scale)
  for (let cell = 0; cell < cells; cell++) {
    const x = (cell % columns) * pitch
    const y = Math.floor(cell / columns) * pitch
    SHAPES[stateOf(cell)](context, x, y, pitch - gap, palette)
  }
}

type Shape = (
  context: CanvasRenderingContext2D,
  x: number,
  y: number,
  size: number,
  palette: Palette,
) => void

const SHAPES: Record<State, Shape> = {
  intact(context, x, y, size, { intact }) {
    context.fillStyle = intact
    square(context, x, y, size)
    context.fill()
  },
  evicted(context, x, y, size, { evicted }) {
    context.strokeStyle = evicted
    context.lineWidth = 1.5
    square(context, x + 0.75, y + 0.75, size - 1.5)
    context.stroke()
  },
  corrupt(context, x, y, size, { corrupt, mark }) {
    context.fillStyle = corrupt
    square(context, x, y, size)
    context.fill()
    const inset = size * 0.24
    context.strokeStyle = mark
    context.lineWidth = Math.max(1.25, size / 9)
    context.beginPath()
    context.moveTo(x + inset, y + inset)
    context.lineTo(x + size - inset, y + size - inset)
    context.moveTo(x + size - inset, y + inset)
    context.lineTo(x + inset, y + size - inset)
    context.stroke()
  },
}

function square(context: CanvasRenderingContext2D, x: number, y: number, size: number): void {
  context.beginPath()
  context.roundRect(x, y, size, size, size / 6)
}
