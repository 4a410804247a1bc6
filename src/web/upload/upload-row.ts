import { copyButton } from '../copy.ts'
import { curlLine } from '../curl.ts'
import { button, element, part } from '../dom.ts'
import { bytes, counted, duration, percent } from '../format.ts'
import { hrefOf } from '../location.ts'
import { urlOf } from '../server.ts'
import type { Uploaded } from './upload.ts'

/** One upload on the page: waiting, sending, storing, stored, or failed. */
export class UploadRow {
  readonly #part = part('upload-row')
  readonly #size: number
  #pace = new Pace()
  #cancel: (() => void) | undefined

  constructor(name: string, size: number) {
    this.#size = size
    this.#part.slot('name').textContent = name
    this.#bar.ariaLabel = `Uploading ${name}`
  }

  get root(): HTMLElement {
    return this.#part.root
  }

  get isOver(): boolean {
    return this.#part.root.dataset.state === 'done' || this.#part.root.dataset.state === 'failed'
  }

  wait(): void {
    this.#show('waiting', 'Waiting')
    this.#bar.value = 0
    this.#act()
  }

  start(cancel: () => void): void {
    this.#pace = new Pace()
    this.#cancel = cancel
    this.#show('sending', bytes(this.#size))
    this.#bar.value = 0
    this.#act(button('Cancel', 'quiet', cancel))
  }

  cancel(): void {
    this.#cancel?.()
  }

  progress(sent: number): void {
    this.#pace.mark(sent)
    if (sent >= this.#size) {
      this.#bar.removeAttribute('value')
      this.#show('sending', 'Checking that every chunk is there…')
      return
    }
    this.#bar.value = sent / this.#size
    const { rate } = this.#pace
    const left = rate > 0 && ` · ${bytes(rate)}/s · ${duration((this.#size - sent) / rate)} left`
    this.#show('sending', `${percent(sent / this.#size)} of ${bytes(this.#size)}${left || ''}`)
  }

  finish(receipt: Uploaded): void {
    const { hash, name = hash, size, chunks, replaced } = receipt
    const ref = { name }
    this.#cancel = undefined
    const facts = `${bytes(size)}, ${counted(chunks, 'chunk')}`
    this.#show('done', `${replaced ? 'Replaced' : 'Stored'} · ${facts}`)
    this.#part.slot('hash').textContent = hash
    this.#part.slot('receipt').hidden = false
    this.#act(
      element('a', { href: hrefOf(ref), className: 'button quiet' }, 'Look up'),
      copyButton('Copy hash', () => hash),
      copyButton('Copy link', () => urlOf(ref).href),
      copyButton('Copy curl', () => curlLine(ref, name)),
    )
  }

  fail(text: string, retry: () => void): void {
    this.#cancel = undefined
    this.#show('failed', text)
    this.#act(button('Try again', 'quiet', retry))
  }

  get #bar(): HTMLProgressElement {
    return this.#part.slot<HTMLProgressElement>('progress')
  }

  #show(state: 'waiting' | 'sending' | 'done' | 'failed', text: string): void {
    this.#part.root.dataset.state = state
    this.#part.slot('state').textContent = text
    this.#bar.hidden = this.isOver
  }

  /** Keeps the focus in the row if it was on a button that is replaced. */
  #act(...actions: HTMLElement[]): void {
    const slot = this.#part.slot('actions')
    const hadFocus = slot.contains(document.activeElement)
    slot.replaceChildren(...actions)
    if (hadFocus) actions[0]?.focus()
  }
}

/** Milliseconds over which the rate is measured: long enough to be steady, short enough to be current. */
const WINDOW_MS = 4000

/** The rate of an upload, from the bytes sent so far. */
class Pace {
  readonly #marks: { at: number; done: number }[] = []

  mark(done: number, at = performance.now()): void {
    this.#marks.push({ at, done })
    while (this.#marks.length > 2 && this.#marks[0]!.at < at - WINDOW_MS) this.#marks.shift()
  }

  /** Bytes per second; 0 until it is known. */
  get rate(): number {
    const [first, last] = [this.#marks.at(0), this.#marks.at(-1)]
    if (first === undefined || last === undefined || last.at - first.at < 250) return 0
    return ((last.done - first.done) / (last.at - first.at)) * 1000
  }
}
