import type { HealthJson } from '../../api/chunks.ts'
import type { RemoteRef } from '../../api/paths.ts'
import type { ReceiptJson } from '../../api/receipt.ts'
import { copyButton } from '../copy.ts'
import { curlLine } from '../curl.ts'
import { button, element, part } from '../dom.ts'
import { bytes, count, counted } from '../format.ts'
import { urlOf } from '../server.ts'
import { ChunkMap } from './chunk-map.ts'
import { confirmDelete } from './delete.ts'
import { download } from './download.ts'
import type { Finding } from './examine.ts'
import { repair, uploadAgain } from './mend.ts'
import { Preview } from './preview.ts'

const WORDS = { intact: 'Intact', evicted: 'Evicted', corrupt: 'Corrupt' }

interface Actions {
  /** @param why What screen readers are told before the verdict. */
  recheck(why: string): Promise<void>
  onDelete(text: string): void
  /** The servers that may hold chunks, as they are called now. */
  servers(): readonly string[]
}

/** One file: its facts, the state of its chunks, and actions. */
export class FileCard {
  readonly #part = part('file-card')
  readonly #actions: Actions
  readonly #recheck: HTMLButtonElement
  readonly #map: ChunkMap
  readonly #preview: Preview
  #finding: Finding

  constructor(finding: Finding, actions: Actions) {
    this.#finding = finding
    this.#actions = actions
    this.#recheck = button('Check again', 'quiet', () => this.#checkAgain())
    this.#map = new ChunkMap(() => actions.servers())
    this.#preview = new Preview(this.#part.slot('preview'))
    this.#part.slot('map').append(this.#map.root)
    this.update(finding)
  }

  get root(): HTMLElement {
    return this.#part.root
  }

  get ref(): RemoteRef {
    return this.#finding.ref
  }

  get summary(): string {
    return summarize(this.#finding)
  }

  /** Whether it shows what has this name or hash. */
  shows({ name, hash }: Pick<ReceiptJson, 'name' | 'hash'>): boolean {
    const { ref, health } = this.#finding
    return hash === (health?.hash ?? ref.hash) || (name !== undefined && name === ref.name)
  }

  focus(): void {
    this.#part.slot('title').focus({ preventScroll: true })
    this.root.scrollIntoView({ block: 'nearest' })
  }

  update(finding: Finding): void {
    this.#finding = finding
    const { state, health } = finding
    this.#part.slot('title').textContent = nameOf(finding)
    this.#part.slot('pill').dataset.state = state
    this.#part.slot('state').textContent = WORDS[state]
    this.#part.slot('explain').textContent = this.summary
    this.#part.slot('facts').replaceChildren(...facts(finding))
    this.#part.slot('map').hidden = health === undefined || health.chunks.length === 0
    if (health !== undefined) this.#map.show(health)
    this.#showActions()
    this.#preview.offer(finding)
  }

  /** Frees its resources; the card cannot be used afterwards. */
  close(): void {
    this.#map.close()
    this.#preview.close()
  }

  #showActions(): void {
    const { ref, state, health } = this.#finding
    const name = nameOf(this.#finding)
    const slot = this.#part.slot('actions')
    const hadFocus = slot.contains(document.activeElement)
    const say = (text: string) => this.#say(text)
    const mending = {
      done: (text: string) => this.#actions.recheck(text).then(() => say(text)),
      failed: say,
    }
    const first =
      state === 'intact'
        ? button('Download', 'primary', () => download(this.#finding, name, say))
        : uploadAgain(this.#finding, mending)
    slot.replaceChildren(
      first,
      ...(hasCopies(health) ? [repair(health!.hash, mending)] : []),
      this.#recheck,
      copyButton('Copy link', () => urlOf(ref).href),
      copyButton('Copy curl', () => curlLine(ref, name)),
      button('Delete…', 'quiet danger-text', () => this.#delete()),
    )
    if (hadFocus) this.#recheck.focus()
  }

  #say(text: string): void {
    const hint = this.#part.slot('hint')
    hint.textContent = text
    hint.hidden = text === ''
  }

  async #checkAgain(): Promise<void> {
    this.#recheck.ariaDisabled = 'true'
    this.#recheck.textContent = 'Checking…'
    this.#say('')
    await this.#actions.recheck('Checked again.')
    this.#recheck.ariaDisabled = null
    this.#recheck.textContent = 'Check again'
  }

  async #delete(): Promise<void> {
    const text = await confirmDelete(this.#finding.ref)
    if (text !== undefined) this.#actions.onDelete(text)
  }
}

function hasCopies(health: HealthJson | undefined): boolean {
  return health?.chunks.some(({ servers = [] }) => servers.length > 1) ?? false
}

function nameOf({ ref }: Finding): string {
  return ref.name ?? ref.hash
}

function summarize({ state, health, ref }: Finding): string {
  if (health === undefined) {
    return 'The record that leads to it is damaged. Upload it again to heal it.'
  }
  const { counts, chunks } = health
  if (chunks.length === 0) return 'An empty file.'
  const all = counted(chunks.length, 'chunk')
  if (state === 'intact') return `${all} read and checked, every byte is what was stored.`
  const lost = [
    counts.corrupt > 0 &&
      `${count(counts.corrupt)} of ${all} ${are(counts.corrupt)} not what was stored`,
    counts.evicted > 0 && `${count(counts.evicted)} of ${all} ${are(counts.evicted)} gone`,
  ].filter(Boolean)
  const what = ref.name === undefined ? 'content' : 'file'
  return `${lost.join(', ') || 'Its chunks are not the file'}. Upload the ${what} again to heal it.`
}

function are(number: number): string {
  return number === 1 ? 'is' : 'are'
}

function* facts({ health, type, storedAt, fetchedAt }: Finding): Generator<HTMLElement> {
  if (health !== undefined) {
    const { hash } = health
    const code = element('code', { className: 'hash' }, hash)
    yield fact(
      'SHA-256',
      code,
      copyButton('Copy', () => hash, 'Copy hash'),
    )
    const size = health.size < 1000 ? '' : ` (${count(health.size)} bytes)`
    yield fact('Size', `${bytes(health.size)}${size}`)
  }
  if (type !== undefined) yield fact('Type', type)
  if (storedAt !== undefined) yield fact('Stored', timeOf(storedAt))
  if (fetchedAt !== undefined) yield fact('From', 'the origin, asked at ', timeOf(fetchedAt))
}

function timeOf(date: Date): HTMLElement {
  return element('time', { dateTime: date.toISOString() }, date.toLocaleString())
}

function fact(term: string, ...description: (Node | string)[]): HTMLElement {
  return element('div', {}, element('dt', {}, term), element('dd', {}, ...description))
}
