export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  if (sorted.length % 2 === 1) return sorted[middle]!
  return ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

/** Formats a value with three significant digits; more would be noise. */
export function round(value: number): string {
  if (!Number.isFinite(value)) return '–'
  if (value >= 100) return Math.round(value).toLocaleString('en')
  return value >= 10 ? value.toFixed(1) : value.toFixed(2)
}

/** The median, and the lowest and the highest of the rounds. */
export function spread(values: readonly number[]): string {
  if (values.length < 2) return round(median(values))
  return `${round(median(values))} (${round(Math.min(...values))}–${round(Math.max(...values))})`
}

export function sizeName(bytes: number): string {
  if (bytes >= 1_000_000) return `${bytes / 1_000_000} MB`
  return `${bytes / 1024} KB`
}
