import type { ReceiptJson } from '../../api/receipt.ts'
import { byId, element, part } from '../dom.ts'
import { ago, bytes } from '../format.ts'
import { hrefOf } from '../location.ts'

const KEY = 'blobcached.recent'
/** Entries that are kept, the newest ones. */
const MOST = 50

interface Entry {
  readonly name: string
  readonly hash: string
  readonly size: number
  /** ISO 8601. */
  readonly at: string
}

let entries: Entry[] = []

/** Shows what this browser uploaded, in this tab or another. */
export function showRecent(): void {
  const reload = () => {
    entries = load()
    render()
  }
  reload()
  addEventListener('storage', ({ key }) => key === KEY && reload())
  byId('recent-clear').onclick = () => {
    keep([])
    byId('recent-title').focus()
  }
}

export function remember({ name, hash, size }: ReceiptJson): void {
  if (name === undefined) return
  const others = entries.filter((entry) => entry.name !== name)
  keep([{ name, hash, size, at: new Date().toISOString() }, ...others].slice(0, MOST))
}

function keep(kept: Entry[]): void {
  entries = kept
  try {
    if (kept.length === 0) localStorage.removeItem(KEY)
    else localStorage.setItem(KEY, JSON.stringify(kept))
  } catch {} // Without storage they are kept in the page alone.
  render()
}

function load(): Entry[] {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(KEY) ?? '[]')
    return Array.isArray(stored) ? stored.filter(isEntry).slice(0, MOST) : []
  } catch {
    return []
  }
}

function isEntry(value: unknown): value is Entry {
  const { name, hash, size, at } = (value ?? {}) as Record<string, unknown>
  const isText = [name, hash, at].every((field) => typeof field === 'string')
  return isText && typeof size === 'number' && !Number.isNaN(Date.parse(at as string))
}

function render(): void {
  byId('recent').replaceChildren(...entries.map(row))
  byId('recent-empty').hidden = entries.length > 0
  byId('recent-clear').hidden = entries.length === 0
}

function row({ name, hash, size, at }: Entry): HTMLElement {
  const { root, slot } = part('recent-row')
  const link = slot<HTMLAnchorElement>('name')
  link.textContent = name
  link.href = hrefOf({ name })
  const then = element('time', { dateTime: at, title: new Date(at).toLocaleString() })
  then.textContent = ago(new Date(at))
  slot('facts').append(`${bytes(size)} · ${hash.slice(0, 8)}… · `, then)
  return root
}
