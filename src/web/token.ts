import { byId } from './dom.ts'

const KEY = 'blobcached.token'

export interface TokenState {
  readonly has: boolean
  /** Whether the server asked for one, or there is one. */
  readonly isNeeded: boolean
}

/** Calls `listener` with how it is about tokens, now and whenever that changes. */
export function onToken(listener: (state: TokenState) => void): void {
  listeners.push(listener)
  listener(state())
}

const listeners: ((state: TokenState) => void)[] = []
let isAsked = false
let current = stored(() => sessionStorage) ?? stored(() => localStorage)

export function token(): string | undefined {
  return current
}

function state(): TokenState {
  return { has: current !== undefined, isNeeded: isAsked || current !== undefined }
}

function tell(): void {
  for (const listener of listeners) listener(state())
}

export function authorization(): Record<string, string> {
  return current === undefined ? {} : { Authorization: `Bearer ${current}` }
}

export function forgetToken(): void {
  setToken(undefined, false)
}

/**
 * Asks the user for another token after the server refused `used`. Resolves with whether there is
 * one to try. Asks once for all requests that are refused at a time.
 */
export async function replaceToken(used: string | undefined): Promise<boolean> {
  if (!isAsked) {
    isAsked = true
    tell()
  }
  if (current !== used) return true
  asking ??= ask(used).finally(() => {
    asking = undefined
  })
  return asking
}

let asking: Promise<boolean> | undefined

/** Asks the user for a token before the server does. */
export function enterToken(): Promise<boolean> {
  return replaceToken(current)
}

async function ask(refused: string | undefined): Promise<boolean> {
  const dialog = byId<HTMLDialogElement>('token-dialog')
  const input = byId<HTMLInputElement>('token')
  const error = byId('token-error')
  error.textContent = refused === undefined ? '' : 'The server does not accept that token.'
  error.hidden = refused === undefined
  input.value = ''
  byId('token-cancel').onclick = () => dialog.close('cancel')
  dialog.returnValue = 'cancel'
  dialog.showModal()
  input.focus()
  await new Promise((resolve) => dialog.addEventListener('close', resolve, { once: true }))
  const entered = input.value.trim()
  input.value = ''
  if (dialog.returnValue !== 'ok' || entered === '') return false
  setToken(entered, byId<HTMLInputElement>('token-remember').checked)
  return true
}

function setToken(value: string | undefined, remember: boolean): void {
  current = value
  keep(() => sessionStorage, remember ? undefined : value)
  keep(() => localStorage, remember ? value : undefined)
  tell()
}

/** Where storage is disabled, reading the property throws; the token is kept in the page alone. */
function stored(storage: () => Storage): string | undefined {
  try {
    return storage().getItem(KEY) ?? undefined
  } catch {
    return undefined
  }
}

function keep(storage: () => Storage, value: string | undefined): void {
  try {
    if (value === undefined) storage().removeItem(KEY)
    else storage().setItem(KEY, value)
  } catch {}
}
