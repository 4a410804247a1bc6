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

/** An HTTP date of the form that is sent today. */
export function httpDate(date: Date): string {
  const seconds = httpSeconds(date)
  const known = written.get(seconds)
  if (known !== undefined) return known
  const text = date.toUTCString()
  written.set(seconds, text)
  return text
}

/** What an HTTP date can say of `date`: Unix time in whole seconds. */
export function httpSeconds(date: Date): number {
  return Math.floor(date.getTime() / 1000)
}
