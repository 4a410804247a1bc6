import type { IncomingHttpHeaders } from 'node:http'
import CachePolicy from 'http-cache-semantics'
import { parseHttpDate } from '../api/dates.ts'

/** What RFC 9111 says of an answer, for a cache that several clients share. */
export interface Freshness {
  /** Whether it may be stored at all. */
  readonly isStorable: boolean
  /** Seconds for which it may be served without asking again; 0 is not at all. */
  readonly ttl: number
  /** Seconds after that for which it may be served while it is asked for again (RFC 5861). */
  readonly whileRevalidate: number
  /** Seconds after that for which it may be served when the origin fails (RFC 5861). */
  readonly ifError: number
  /** Seconds that the answer had spent in other caches. */
  readonly age: number
}

export interface FreshnessOptions {
  /** Seconds for answers that say nothing of how long they are fresh. */
  readonly ttl: number
  /** Seconds for which answers that do not forbid it may be served when the origin fails. */
  readonly staleIfError: number
  /** Fields in Vary that make no difference, in lower case. */
  readonly ignoredVary: ReadonlySet<string>
}

const NOT_STORABLE: Freshness = {
  isStorable: false,
  ttl: 0,
  whileRevalidate: 0,
  ifError: 0,
  age: 0,
}
const NO_HEURISTIC = { shared: true, cacheHeuristic: 0, immutableMinTimeToLive: 0 }

/**
 * Reads how long an answer with status 200 is fresh. Directives and ages that are malformed make it
 * stale, where http-cache-semantics by itself would take what it can of them.
 */
export function freshnessOf(headers: IncomingHttpHeaders, options: FreshnessOptions): Freshness {
  const control = directivesOf(headers['cache-control'])
  // Cookies are for one client, unless the origin says that the answer is for all.
  if (headers['set-cookie'] !== undefined && !control.has('public')) return NOT_STORABLE
  if (!variesOnlyBy(headers.vary, options.ignoredVary)) return NOT_STORABLE
  const policy = policyOf(headers, control)
  if (!policy.storable()) return NOT_STORABLE
  const isTold =
    headers.expires !== undefined ||
    /no-cache/i.test(headers.pragma ?? '') ||
    ['s-maxage', 'max-age', 'no-cache'].some((name) => control.has(name))
  const age = ageOf(headers.age)
  const left = (isTold ? policy.maxAge() : options.ttl) - age
  const isStrict = ['must-revalidate', 'proxy-revalidate', 'no-cache'].some((name) =>
    control.has(name),
  )
  const pastEnd = (seconds: number) => (isStrict ? 0 : wholeSeconds(seconds + Math.min(0, left)))
  // RFC 9111, 5.2.2.10: with s-maxage the origin itself has to allow it, and the operator's setting does not count.
  const ownIfError = control.has('s-maxage') ? 0 : options.staleIfError
  const ifError = Math.max(secondsOf(control.get('stale-if-error')), ownIfError)
  return {
    isStorable: true,
    ttl: wholeSeconds(left),
    whileRevalidate: pastEnd(secondsOf(control.get('stale-while-revalidate'))),
    ifError: pastEnd(ifError),
    age: Number.isFinite(age) ? age : 0,
  }
}

/** The strictest of an answer and of a redirect that led to it, as far as that says something. */
export function strictest(
  answer: Freshness,
  { 'cache-control': control, expires, date, vary }: IncomingHttpHeaders,
  options: FreshnessOptions,
): Freshness {
  const isStorable = answer.isStorable && variesOnlyBy(vary, options.ignoredVary)
  if (control === undefined && expires === undefined) return { ...answer, isStorable }
  const redirect = freshnessOf(
    {
      ...(control !== undefined && { 'cache-control': control }),
      ...(expires !== undefined && { expires }),
      ...(date !== undefined && { date }),
    },
    options,
  )
  return {
    isStorable: isStorable && redirect.isStorable,
    ttl: Math.min(answer.ttl, redirect.ttl),
    whileRevalidate: Math.min(answer.whileRevalidate, redirect.whileRevalidate),
    ifError: Math.min(answer.ifError, redirect.ifError),
    age: answer.age,
  }
}

type Directives = ReadonlyMap<string, string | undefined>

/**
 * Names in lower case, values without quotes. Of a time that is given twice the shorter one counts. A quote without an
 * end hides nothing.
 */
function directivesOf(field = ''): Directives {
  const directives = new Map<string, string | undefined>()
  const isSound = /^(?:[^"]|"(?:\\.|[^"\\])*")*$/.test(field)
  for (const [part] of field.matchAll(isSound ? /(?:[^,"]|"(?:\\.|[^"\\])*")+/g : /[^,]+/g)) {
    const at = part.indexOf('=')
    const name = (at === -1 ? part : part.slice(0, at)).trim().toLowerCase()
    const value = at === -1 ? undefined : unquoted(part.slice(at + 1).trim())
    const isShorter = !(secondsOf(directives.get(name)) < secondsOf(value))
    if (name !== '' && (!directives.has(name) || isShorter)) directives.set(name, value)
  }
  return directives
}

function unquoted(value: string): string {
  return value.length > 1 && value.startsWith('"') && value.endsWith('"')
    ? value.slice(1, -1)
    : value
}

function policyOf(headers: IncomingHttpHeaders, control: Directives): CachePolicy {
  const { date, expires, pragma, 'last-modified': modified } = headers
  const known: Record<string, string | undefined> = { pragma, 'last-modified': modified }
  // RFC 9111, 5.3: what is no date is in the past. Left to `Date.parse`, `3600` would be a year.
  if (expires !== undefined) known.expires = isDate(expires) ? expires : 'none'
  if (date !== undefined && isDate(date)) known.date = date
  if (control.size > 0) known['cache-control'] = Array.from(control, writeDirective).join(', ')
  return new CachePolicy({ headers: {} }, { status: 200, headers: known }, NO_HEURISTIC)
}

/** As http-cache-semantics takes it: what is no number of seconds is over, and proxies are any shared cache. */
function writeDirective([name, value]: readonly [string, string | undefined]): string {
  if (name === 'max-age' || name === 's-maxage') return `${name}=${secondsOf(value)}`
  return name === 'proxy-revalidate' ? 'must-revalidate' : name
}

function isDate(field: string): boolean {
  return parseHttpDate(field) !== undefined
}

function secondsOf(value: string | undefined): number {
  return value !== undefined && /^\d+$/.test(value) ? Math.min(Number(value), MAX_SECONDS) : 0
}

/** RFC 9111, 1.2.2: what is larger counts as this. */
const MAX_SECONDS = 2 ** 31

/** Endless where the field is not one number. */
function ageOf(field: string | undefined): number {
  if (field === undefined) return 0
  return /^\d+$/.test(field) ? secondsOf(field) : Number.POSITIVE_INFINITY
}

function wholeSeconds(seconds: number): number {
  return Math.max(0, Math.floor(seconds))
}

function variesOnlyBy(field: string | undefined, ignored: ReadonlySet<string>): boolean {
  const names = field?.split(',').map((name) => name.trim().toLowerCase()) ?? []
  return names.every((name) => name === '' || ignored.has(name))
}
