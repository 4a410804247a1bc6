import {
  type ChunkHealthJson,
  type HealthJson,
  STATES,
  type State,
  worstOf,
} from '../../api/chunks.ts'
import { element, part } from '../dom.ts'
import { bytes, count, counted } from '../format.ts'
import { cellAt, type Grid, layOut } from './chunk-grid.ts'
import { type Look, paint, themeColour } from './chunk-paint.ts'
import { ServerLegend } from './server-legend.ts'

/** Rows of the list at most. */
const MAX_RUNS = 200

/** A map of a file's chunks, with the same as a list in words. */
export class ChunkMap {
  readonly #part = part('chunk-map')
  readonly #canvas = this.#part.slot<HTMLCanvasElement>('canvas')
  readonly #readout = this.#part.slot('readout')
  readonly #resize = new ResizeObserver(() => this.#draw())
  readonly #dark = matchMedia('(prefers-color-scheme: dark)')
  readonly #redraw = () => this.#draw()
  readonly #servers: ServerLegend
  #chunks: readonly ChunkHealthJson[] = []
  #grid: Grid = layOut(1, 1)

  /** @param servers Returns how the servers that hold chunks are called, in the order of their positions. */
  constructor(servers: () => readonly string[]) {
    this.#servers = new ServerLegend(this.#part, servers, this.#redraw)
    this.#resize.observe(this.root)
    this.#dark.addEventListener('change', this.#redraw)
    this.#canvas.addEventListener('pointermove', (event) => this.#point(event))
    this.#canvas.addEventListener('pointerdown', (event) => this.#point(event))
    this.#canvas.addEventListener('pointerleave', () => this.#read(undefined))
  }

  get root(): HTMLElement {
    return this.#part.root
  }

  show({ chunks, counts }: HealthJson): void {
    this.#chunks = chunks
    for (const state of STATES) this.#part.slot(state).textContent = count(counts[state])
    const told = STATES.map((state) => `${count(counts[state])} ${state}`).join(', ')
    this.#canvas.ariaLabel = `Map of ${counted(chunks.length, 'chunk')}: ${told}`
    this.#part.slot('runs').replaceChildren(...rows(runsOf(chunks)))
    this.#servers.show(chunks)
    this.#draw()
  }

  close(): void {
    this.#resize.disconnect()
    this.#dark.removeEventListener('change', this.#redraw)
  }

  #draw(): void {
    const width = this.root.clientWidth
    if (width === 0 || this.#chunks.length === 0) return
    this.#grid = layOut(this.#chunks.length, width)
    const colours = Object.fromEntries(
      STATES.map((state) => [state, themeColour(this.root, state)]),
    )
    const lookOf = (cell: number): Look => {
      const chunks = this.#inCell(cell)
      const state = worstOf(chunks)
      return { state, colour: this.#servers.colourOf(chunks[0]!) ?? colours[state]! }
    }
    paint(this.#canvas, this.#grid, lookOf, themeColour(this.root, 'surface'))
    this.#read(undefined)
  }

  #inCell(cell: number): readonly ChunkHealthJson[] {
    const { perCell } = this.#grid
    return this.#chunks.slice(cell * perCell, (cell + 1) * perCell)
  }

  #point({ offsetX, offsetY }: PointerEvent): void {
    this.#read(cellAt(this.#grid, offsetX, offsetY))
  }

  #read(cell: number | undefined): void {
    const { perCell } = this.#grid
    if (cell === undefined) {
      this.#readout.textContent =
        perCell === 1
          ? 'One square a chunk. Point at one to see which.'
          : `One square for ${perCell} chunks, showing the worst of them.`
      return
    }
    const chunks = this.#inCell(cell)
    const first = chunks[0]!
    const from = cell * perCell + 1
    const which =
      perCell === 1
        ? `Chunk ${count(from)}`
        : `Chunks ${count(from)} to ${count(from + chunks.length - 1)}`
    const size = chunks.reduce((sum, chunk) => sum + chunk.size, 0)
    this.#readout.textContent = `${which}: ${worstOf(chunks)}, ${bytes(size)} at ${bytes(first.offset)}, ${first.hash.slice(0, 12)}…${this.#servers.told(first)}`
  }
}

function* rows(runs: readonly Run[]): Generator<HTMLElement> {
  for (const { state, first, last, from, to } of runs.slice(0, MAX_RUNS)) {
    const numbers = from === to ? count(from + 1) : `${count(from + 1)} – ${count(to + 1)}`
    const span = `${count(first.offset)} – ${count(last.offset + last.size - 1)}`
    yield row(state, numbers, state, span, `${first.hash.slice(0, 12)}…`)
  }
  if (runs.length > MAX_RUNS)
    yield row('more', `${count(runs.length - MAX_RUNS)} more runs`, '', '', '')
}

function row(state: string, ...cells: string[]): HTMLElement {
  const made = element('tr', {}, ...cells.map((text) => element('td', {}, text)))
  made.dataset.state = state
  return made
}

/** Neighbouring chunks in the same state. */
interface Run {
  readonly state: State
  readonly first: ChunkHealthJson
  readonly last: ChunkHealthJson
  /** Index of the first and of the last chunk. */
  readonly from: number
  readonly to: number
}

function runsOf(chunks: readonly ChunkHealthJson[]): Run[] {
  const runs: Run[] = []
  let from = 0
  for (let to = 0; to < chunks.length; to++) {
    const [first, last, next] = [chunks[from]!, chunks[to]!, chunks[to + 1]]
    if (next?.state === first.state) continue
    runs.push({ state: first.state, first, last, from, to })
    from = to + 1
  }
  return runs
}
