import type { ChunkHealthJson } from '../../api/chunks.ts'
import { element, type Part } from '../dom.ts'
import { count } from '../format.ts'
import { themeColour } from './chunk-paint.ts'

/** Colours of the theme, `--server-0` and so on; more servers have them again. */
const COLOURS = 8

/** The choice to colour a file's chunks by the server that holds their first copy, and what each colour means. */
export class ServerLegend {
  readonly #part: Part
  readonly #names: () => readonly string[]
  readonly #choice: HTMLSelectElement

  /** @param onChoice Called when the user chose other colours. */
  constructor(part: Part, names: () => readonly string[], onChoice: () => void) {
    this.#part = part
    this.#names = names
    this.#choice = part.slot<HTMLSelectElement>('colour')
    this.#choice.onchange = () => {
      this.#switch()
      onChoice()
    }
  }

  /** Offers the choice where the chunks are spread over servers. */
  show(chunks: readonly ChunkHealthJson[]): void {
    const counts = new Map<number, number>()
    for (const { servers } of chunks) {
      const first = servers?.[0]
      if (first !== undefined) counts.set(first, (counts.get(first) ?? 0) + 1)
    }
    const isSpread = counts.size > 1
    if (!isSpread) this.#choice.value = 'state'
    this.#part.slot('colours').hidden = !isSpread
    const rows = [...counts]
      .sort(([a], [b]) => a - b)
      .map(([server, chunks]) => this.#row(server, chunks))
    this.#part.slot('servers').replaceChildren(...rows)
    this.#switch()
  }

  /** Returns the colour of a chunk by its server; `undefined` while chunks are coloured by state. */
  colourOf({ servers }: ChunkHealthJson): string | undefined {
    const first = servers?.[0]
    if (this.#choice.value !== 'server' || first === undefined) return undefined
    return themeColour(this.#part.root, `server-${first % COLOURS}`)
  }

  /** Where a chunk is, as the end of a sentence; empty where there is one server. */
  told({ servers = [] }: ChunkHealthJson): string {
    return servers.length === 0
      ? ''
      : `, on ${servers.map((server) => this.#nameOf(server)).join(' and ')}`
  }

  #row(server: number, chunks: number): HTMLElement {
    const swatch = element('span', { className: 'swatch', ariaHidden: 'true' })
    const row = element(
      'li',
      {},
      swatch,
      `${this.#nameOf(server)} `,
      element('b', {}, count(chunks)),
    )
    row.dataset.server = String(server % COLOURS)
    return row
  }

  #nameOf(server: number): string {
    return this.#names()[server] ?? `server ${server + 1}`
  }

  #switch(): void {
    this.#part.slot('servers').hidden = this.#choice.value !== 'server'
  }
}
