import type { State } from '../../api/chunks.ts'
import type { Grid } from './chunk-grid.ts'

/** What a square looks like: its state is a shape, whatever its colour. */
export interface Look {
  readonly state: State
  /** A colour of CSS. */
  readonly colour: string
}

/** Returns a colour of the page's current theme. */
export function themeColour(element: HTMLElement, name: string): string {
  return getComputedStyle(element).getPropertyValue(`--${name}`).trim()
}

/**
 * Draws every square: full where intact, an empty frame where evicted, crossed out where corrupt.
 * @param mark The colour of the cross.
 */
export function paint(
  canvas: HTMLCanvasElement,
  { cells, columns, rows, pitch }: Grid,
  lookOf: (cell: number) => Look,
  mark: string,
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
    const { state, colour } = lookOf(cell)
    SHAPES[state](context, x, y, pitch - gap, { colour, mark })
  }
}

type Shape = (
  context: CanvasRenderingContext2D,
  x: number,
  y: number,
  size: number,
  colours: { readonly colour: string; readonly mark: string },
) => void

const SHAPES: Record<State, Shape> = {
  intact(context, x, y, size, { colour }) {
    context.fillStyle = colour
    square(context, x, y, size)
    context.fill()
  },
  evicted(context, x, y, size, { colour }) {
    context.strokeStyle = colour
    context.lineWidth = 1.5
    square(context, x + 0.75, y + 0.75, size - 1.5)
    context.stroke()
  },
  corrupt(context, x, y, size, { colour, mark }) {
    context.fillStyle = colour
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
