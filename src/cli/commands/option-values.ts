import { InvalidArgumentError } from 'commander'
import { hostIn, isOrigin } from '../../api/fields.ts'
import { basePathOf } from '../../api/paths.ts'

const UNITS: Record<string, number> = {
  '': 1,
  b: 1,
  k: 1024,
  kb: 1000,
  kib: 1024,
  m: 1024 ** 2,
  mb: 1000 ** 2,
  mib: 1024 ** 2,
  g: 1024 ** 3,
  gb: 1000 ** 3,
  gib: 1024 ** 3,
}

/** Parses a number of bytes: `256MiB`, `1.5g`, `500000`. */
export function bytes(min: number, max = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const [, number, unit] = /^(\d+(?:\.\d+)?) ?([a-z]*)$/i.exec(text.trim()) ?? []
    const factor = UNITS[(unit ?? '').toLowerCase()]
    const value = Math.round(Number(number) * (factor ?? Number.NaN))
    if (value >= min && value <= max) return value
    const range = max === Number.MAX_SAFE_INTEGER ? `at least ${min}` : `${min} to ${max}`
    throw new InvalidArgumentError(
      `It takes a number of bytes, such as 500000, 64KiB, 256MiB or 2GB; ${range}.`,
    )
  }
}

/** Seconds; the longest time to live. */
const TEN_YEARS = 3650 * 86_400

/** Parses a time into seconds: `90`, `90s`, `15m`, `12h`, `30d`. */
export function parseSeconds(text: string): number {
  const [, number, unit = 's'] = /^(\d+) ?([smhd]?)$/i.exec(text.trim()) ?? []
  const factor = { s: 1, m: 60, h: 3600, d: 86_400 }[unit.toLowerCase() || 's']
  const seconds = Number(number) * (factor ?? Number.NaN)
  if (seconds <= TEN_YEARS) return seconds
  throw new InvalidArgumentError('It takes a time, such as 90, 90s, 15m, 12h or 30d, up to 3650d.')
}

export function parseBasePath(text: string): string {
  const path = basePathOf(text)
  if (path !== undefined) return path
  throw new InvalidArgumentError(
    'It takes a path such as /cache, without a slash at its end, that does not begin as a path of the server does.',
  )
}

export function parseKeyPrefix(text: string): string {
  if (/^[\x21-\x7e]{0,100}$/.test(text)) return text
  throw new InvalidArgumentError('It takes at most 100 printable ASCII characters, no spaces.')
}

/** Takes printable ASCII characters; the server says what is no media type. */
export function mediaType(text: string): string {
  if (/^[\x20-\x7e]*$/.test(text)) return text
  throw new InvalidArgumentError('It takes a media type, such as text/html; charset=utf-8.')
}

export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (/^\d+$/.test(text) && value >= min && value <= max) return value
    throw new InvalidArgumentError(`It takes a whole number from ${min} to ${max}.`)
  }
}

/**
 * Splits `a,b` and adds the parts to those of earlier flags. Refuses nothing: commander prints what
 * is refused, and this may be a secret.
 */
export function collect(text: string, previous: readonly string[] = []): string[] {
  return [...previous, ...text.split(',').map((part) => part.trim())]
}

/** Parses a boolean; an environment variable that is set to `false` must not mean true. */
export function parseBoolean(text: string): boolean {
  if (/^(true|yes|on|1)$/i.test(text)) return true
  if (/^(false|no|off|0|)$/i.test(text)) return false
  throw new InvalidArgumentError('It takes true or false.')
}

export function origins(text: string, previous: readonly string[] = []): string[] {
  const all = collect(text, previous)
  if (all.every(isOrigin)) return all
  throw new InvalidArgumentError('It takes origins such as https://example.org:8443, or *.')
}

export function hosts(text: string, previous: readonly string[] = []): string[] {
  const all = collect(text, previous)
  if (all.every((host) => host === '*' || hostIn(host) !== undefined)) return all
  throw new InvalidArgumentError('It takes names of hosts such as cache.example, or *.')
}

export function globs(glob: string, previous: readonly string[] = []): string[] {
  return [...previous, glob]
}
