import { type Point, SPAN_MS } from './history.ts'

const SVG = 'http://www.w3.org/2000/svg'
const WIDTH = 120
const HEIGHT = 32

interface ChartOptions {
  /** The value at the top. Default: the largest. */
  top?: number
  format: (value: number) => string
}

/** A chart of the last minutes, with a title and the newest value. */
export class Chart {
  readonly root = document.createElement('div')
  readonly #title: string
  readonly #options: ChartOptions
  readonly #value = document.createElement('b')
  readonly #svg = svg('svg', {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    preserveAspectRatio: 'none',
    role: 'img',
  })
  readonly #area = svg('path', { class: 'area' })
  readonly #line = svg('path', { class: 'line' })

  constructor(title: string, options: ChartOptions) {
    this.#title = title
    this.#options = options
    this.#svg.append(this.#area, this.#line)
    const head = document.createElement('div')
    head.className = 'chart-head'
    head.append(title, ' ', this.#value)
    this.root.className = 'chart'
    this.root.append(head, this.#svg)
  }

  show(points: readonly Point[], now: number): void {
    const { format } = this.#options
    const values = points.map(({ value }) => value)
    const newest = values.at(-1)
    this.#value.textContent = newest === undefined ? '–' : format(newest)
    this.#svg.setAttribute('aria-label', this.#describe(values))
    const top = this.#options.top ?? Math.max(1, ...values)
    const line = points.map(({ at, value }, index) => {
      const x = WIDTH - ((now - at) / SPAN_MS) * WIDTH
      const y = HEIGHT - 1 - Math.min(1, value / top) * (HEIGHT - 2)
      return `${index === 0 ? 'M' : 'L'}${x.toFixed(2)} ${y.toFixed(2)}`
    })
    const path = line.length < 2 ? '' : line.join('')
    this.root.dataset.has =
      path === '' || values.every((value) => value === 0) ? 'nothing' : 'values'
    this.#line.setAttribute('d', path)
    this.#area.setAttribute('d', path && `${path}V${HEIGHT}H${line[0]!.slice(1).split(' ')[0]}Z`)
  }

  #describe(values: readonly number[]): string {
    if (values.length === 0) return `${this.#title}: nothing to show yet`
    const [newest, least, most] = [values.at(-1)!, Math.min(...values), Math.max(...values)]
    const { format } = this.#options
    return `${this.#title} over the last minutes: now ${format(newest)}, from ${format(least)} to ${format(most)}`
  }
}

function svg(tag: string, attributes: Record<string, string>): SVGElement {
  const made = document.createElementNS(SVG, tag) as SVGElement
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value)
  return made
}
