import { InvalidArgumentError } from 'commander'

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

/** `256MiB`, `1.5g`, `500000`: a number of bytes. */
export function parseBytes(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?) ?([a-z]*)$/i.exec(text.trim()) ?? []
  const factor = UNITS[(unit ?? '').toLowerCase()]
  const bytes = Number(number) * (factor ?? Number.NaN)
  if (Number.isSafeInteger(Math.round(bytes))) return Math.round(bytes)
  throw new InvalidArgumentError(
    'It takes a number of bytes, such as 500000, 64KiB, 256MiB or 2GB.',
  )
}

/** `90`, `90s`, `15m`, `12h`, `30d`: a number of seconds. */
export function parseSeconds(text: string): number {
  const [, number, unit = 's'] = /^(\d+) ?([smhd]?)$/i.exec(text.trim()) ?? []
  const factor = { s: 1, m: 60, h: 3600, d: 86_400 }[unit.toLowerCase() || 's']
  if (number !== undefined && factor !== undefined) return Number(number) * factor
  throw new InvalidArgumentError('It takes a time, such as 90, 90s, 15m, 12h or 30d.')
}

export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (/^\d+$/.test(text) && value >= min && value <= max) return value
    throw new InvalidArgumentError(`It takes a whole number from ${min} to ${max}.`)
  }
}
