import { LRUCache } from 'lru-cache'

/** The three forms of RFC 9110, 5.6.7, the last two of which only the past sends. */
const FORMS = [
  /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/,
  /^[A-Z][a-z]{5,8}, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT$/,
  /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/,
]

/** Unix time in whole seconds, or `undefined` for what is not an HTTP date. */
export function parseHttpDate(field: string): number | undefined {
  if (!FORMS.some((form) => form.test(field))) return undefined
  const time = Date.parse(field.endsWith('GMT') ? field : `${field} GMT`)
  return Number.isNaN(time) ? undefined : time / 1000
}

/** Recent dates as text: formatting one takes as long as a look-up of a link. */
const written = new LRUCache<number, string>({ max: 1000 })

/** An HTTP date of the form that is sent today. @param seconds Unix time, whole. */
export function httpDate(seconds: number): string {
  const known = written.get(seconds)
  if (known !== undefined) return known
  const text = new Date(seconds * 1000).toUTCString()
  written.set(seconds, text)
  return text
}

/**
 * Returns the Last-Modified of what was stored then: the first whole second that is at least a second
 * later, in Unix time. An HTTP date says no more than a second, and what is stored can be read a moment after
 * its date only; a client that has this date, or a later one of its own, has what was stored and nothing
 * before it (RFC 9110, 8.8.2.2).
 */
export function modifiedSecond(storedAt: Date): number {
  return Math.ceil(storedAt.getTime() / 1000) + 1
}

/** Whether that second has come: no answer before it can name a date that is exact. */
export function isDated(storedAt: Date): boolean {
  return modifiedSecond(storedAt) * 1000 <= Date.now()
}
