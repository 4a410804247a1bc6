import { button, element } from '../dom.ts'
import { bytes } from '../format.ts'
import { request, urlOf } from '../server.ts'
import { token } from '../token.ts'
import type { Finding } from './examine.ts'
import { isMedia, kindOf, type MediaKind, typeOf } from './media-type.ts'

/** Bytes of a text that are shown. */
const TEXT = 64 * 1024
/** Bytes up to which a preview is shown at once. */
const UNASKED = 2 * 1024 * 1024
/** Bytes that a preview holds in memory at most. */
const HELD = 64 * 1024 * 1024

/** Previews images, sound, video and text. Never a page, a PDF or a frame, which could run code. */
export class Preview {
  readonly #place: HTMLElement
  #hash: string | undefined
  #life = new AbortController()

  constructor(place: HTMLElement) {
    this.#place = place
  }

  offer(finding: Finding): void {
    const { state, health } = finding
    const hash = health?.hash
    if (state === 'intact' && hash === this.#hash) return
    this.close()
    this.#place.replaceChildren()
    const kind = kindOf(finding)
    if (state !== 'intact' || health === undefined || health.size === 0 || !kind) return
    this.#hash = hash
    if (kind === 'text' || (!isMedia(kind) && health.size <= UNASKED)) {
      this.#show(finding, kind)
    } else if (health.size <= HELD || (isMedia(kind) && token() === undefined)) {
      const label = `Preview (${bytes(health.size)})`
      this.#place.append(button(label, 'quiet', () => this.#show(finding, kind)))
    }
  }

  /** Aborts requests and frees what is shown. */
  close(): void {
    this.#life.abort()
    this.#life = new AbortController()
    this.#hash = undefined
  }

  async #show(finding: Finding, kind: MediaKind): Promise<void> {
    const { signal } = this.#life
    let shown: HTMLElement
    try {
      shown = await make(finding, kind, signal)
    } catch (error) {
      shown = element('p', { className: 'hint' }, `No preview. ${(error as Error).message}`)
    }
    if (!signal.aborted) this.#place.replaceChildren(shown)
  }
}

async function make(finding: Finding, kind: MediaKind, signal: AbortSignal): Promise<HTMLElement> {
  if (kind === 'text') return textOf(finding, signal)
  const src = await sourceOf(finding, kind, signal)
  if (isMedia(kind)) return element(kind, { src, controls: true, preload: 'metadata' })
  const image = element('img', { src, alt: 'Preview of the file' })
  await image.decode()
  return image
}

/** A URL of the content, valid until the signal is aborted. */
async function sourceOf(finding: Finding, kind: MediaKind, signal: AbortSignal): Promise<string> {
  const url = urlOf(finding.ref)
  if (isMedia(kind) && token() === undefined) return url.href
  const held = await (await request(url, { signal })).arrayBuffer()
  if (kind === 'drawing') return dataUrl(held)
  const source = URL.createObjectURL(new Blob([held], { type: typeOf(finding) }))
  signal.addEventListener('abort', () => URL.revokeObjectURL(source))
  return source
}

/** A drawing can contain script: in an image none runs, and a `data:` URL has no origin. */
function dataUrl(bytes: ArrayBuffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader()
    reader.onload = () => resolve(reader.result as string)
    reader.onerror = () => reject(reader.error)
    reader.readAsDataURL(new Blob([bytes], { type: 'image/svg+xml' }))
  })
}

async function textOf({ ref, health }: Finding, signal: AbortSignal): Promise<HTMLElement> {
  const size = health?.size ?? 0
  const headers = { Range: `bytes=0-${TEXT - 1}` }
  const response = await request(urlOf(ref), { headers, signal })
  const head = await firstBytes(response, TEXT)
  if (head.includes(0)) return element('p', { className: 'hint' }, 'No preview: it is not text.')
  const text = new TextDecoder().decode(head, { stream: true }) // The last character may be cut.
  const shown = element('pre', { tabIndex: 0, ariaLabel: 'Preview of the file' }, text)
  shown.setAttribute('role', 'region')
  if (size <= TEXT) return shown
  return element('div', {}, shown, element('p', { className: 'hint' }, `The first ${bytes(TEXT)}.`))
}

async function firstBytes(response: Response, most: number): Promise<Uint8Array> {
  const reader = response.body!.getReader()
  const head = new Uint8Array(most)
  let length = 0
  while (length < most) {
    const { done, value } = await reader.read()
    if (done) break
    const piece = value.subarray(0, most - length)
    head.set(piece, length)
    length += piece.length
  }
  await reader.cancel()
  return head.subarray(0, length)
}
