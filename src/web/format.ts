const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

/** Formats bytes with at most three digits: `512 B`, `1.4 KiB`, `12 MiB`. */
export function bytes(count: number): string {
  let value = count
  let unit = 0
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1024
    unit++
  }
  const digits = unit > 0 && value < 9.95 ? 1 : 0
  return `${value.toFixed(digits)} ${UNITS[unit]}`
}

export function count(value: number): string {
  return Math.round(value).toLocaleString('en')
}

/** Formats a number of things: `1 chunk`, `1,024 chunks`. */
export function counted(value: number, noun: string, plural = `${noun}s`): string {
  return `${count(value)} ${value === 1 ? noun : plural}`
}

export function percent(share: number): string {
  const value = share * 100
  return `${value.toFixed(value > 99 && value < 100 ? 1 : 0)} %`
}

/** Formats a time: `8 s`, `3 min`, `5 h`, `12 d`. */
export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`
  if (seconds < 36 * 3600) return `${Math.round(seconds / 3600)} h`
  return `${Math.round(seconds / 86_400)} d`
}

export function ago(then: Date, now = new Date()): string {
  const seconds = (now.getTime() - then.getTime()) / 1000
  return seconds < 10 ? 'just now' : `${duration(seconds)} ago`
}
