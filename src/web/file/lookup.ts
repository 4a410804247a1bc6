import type { RemoteRef } from '../../api/paths.ts'
import type { ReceiptJson } from '../../api/receipt.ts'
import { announce, byId, element } from '../dom.ts'
import { hrefOf, parseQuery, refInLocation } from '../location.ts'
import { RemoteError } from '../server.ts'
import { examine, type Finding } from './examine.ts'
import { FileCard } from './file-card.ts'

/** The look-up section: shows the file that the page's address names. */
export class Lookup {
  readonly #found = byId('found')
  readonly #query = byId<HTMLInputElement>('query')
  #looking = new AbortController()
  readonly #servers: () => readonly string[]
  #card: FileCard | undefined

  /** @param servers Returns how the servers that hold chunks are called. */
  constructor(servers: () => readonly string[]) {
    this.#servers = servers
    byId('lookup').addEventListener('submit', (event) => {
      event.preventDefault()
      const ref = parseQuery(this.#query.value)
      if (ref === undefined) return
      if (hrefOf(ref) === location.hash) this.#show(ref)
      else location.hash = hrefOf(ref)
    })
    addEventListener('hashchange', () => this.#follow())
    this.#follow()
  }

  /** Looks again at the file that is shown, if that is what was just stored. */
  stored(receipt: ReceiptJson): void {
    const card = this.#card
    if (card?.shows(receipt)) this.#recheck(card.ref, 'Checked again.')
  }

  #follow(): void {
    const ref = refInLocation()
    if (ref === undefined) return
    this.#query.value = ref.name ?? ref.hash
    this.#show(ref)
  }

  async #show(ref: RemoteRef): Promise<void> {
    this.#card?.close()
    this.#card = undefined
    const busy = element('p', { className: 'busy' }, 'Reading and checking every chunk…')
    this.#found.replaceChildren(busy)
    const finding = await this.#examine(ref)
    if (finding === undefined) return
    this.#card = new FileCard(finding, {
      recheck: (why) => this.#recheck(ref, why),
      onDelete: (text) => this.#say(text),
      servers: this.#servers,
    })
    this.#found.replaceChildren(this.#card.root)
    this.#card.focus()
  }

  async #recheck(ref: RemoteRef, why: string): Promise<void> {
    const card = this.#card
    const finding = await this.#examine(ref)
    if (finding === undefined || card !== this.#card) return
    card?.update(finding)
    announce(`${why} ${card?.summary}`)
  }

  /** Aborts the examination before it. Shows a failure in place of the file. */
  async #examine(ref: RemoteRef): Promise<Finding | undefined> {
    this.#looking.abort()
    this.#looking = new AbortController()
    const { signal } = this.#looking
    this.#found.ariaBusy = 'true'
    try {
      const finding = await examine(ref, signal)
      return signal.aborted ? undefined : finding
    } catch (error) {
      if (!signal.aborted) this.#say(explain(error, ref))
      return undefined
    } finally {
      if (!signal.aborted) this.#found.ariaBusy = 'false'
    }
  }

  #say(text: string): void {
    this.#card?.close()
    this.#card = undefined
    const note = element('p', { className: 'notice', tabIndex: -1 }, text)
    this.#found.replaceChildren(note)
    note.focus()
  }
}

function explain(error: unknown, ref: RemoteRef): string {
  if (!(error instanceof RemoteError)) return `This page failed: ${error}`
  if (error.reason !== 'not-found') return error.message
  const what = ref.name === undefined ? 'No file with this hash' : `No file is called “${ref.name}”`
  return `${what}: it was never stored here, or its link was evicted, has expired or was deleted.`
}
