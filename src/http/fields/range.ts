import type { ByteRange } from '../../index.ts'

/** More ranges than this are not worth their overhead: the whole file is sent instead. */
const MAX_RANGES = 100

/**
 * The ranges that a Range field asks for (RFC 9110, 14.2), those that touch each other made one, in
 * the order they were first asked for. `undefined` where the field is to be ignored: another unit,
 * not a valid field, too many ranges, or a file without bytes.
 */
export function parseRange(field: string, size: number): ByteRange[] | 'unsatisfiable' | undefined {
  const set = /^bytes=(.*)$/i.exec(field)?.[1]
  const specs = set?.split(',').filter((spec) => spec.trim() !== '') ?? []
  if (specs.length === 0 || specs.length > MAX_RANGES || size === 0) return undefined
  let ranges: ByteRange[] = []
  for (const spec of specs) {
    const range = parseSpec(spec, size)
    if (range === undefined) return undefined
    if (range.start < range.end) ranges = join(ranges, range)
  }
  return ranges.length === 0 ? 'unsatisfiable' : ranges
}

/** An empty range where the file has none of these bytes. */
function parseSpec(spec: string, size: number): ByteRange | undefined {
  const [, first, last] = /^[ \t]*(\d*)-(\d*)[ \t]*$/.exec(spec) ?? []
  if (first === undefined || last === undefined || first + last === '') return undefined
  if (first === '') return { start: Math.max(0, size - Number(last)), end: size }
  if (last === '') return { start: Number(first), end: size }
  if (Number(last) < Number(first)) return undefined
  return { start: Number(first), end: Math.min(Number(last) + 1, size) }
}

function join(ranges: readonly ByteRange[], added: ByteRange): ByteRange[] {
  const joined = { ...added }
  const result: ByteRange[] = []
  let place: number | undefined
  for (const range of ranges) {
    if (range.end < joined.start || range.start > joined.end) {
      result.push(range)
      continue
    }
    joined.start = Math.min(joined.start, range.start)
    joined.end = Math.max(joined.end, range.end)
    place ??= result.length
  }
  result.splice(place ?? result.length, 0, joined)
  return result
}

export function contentRange({ start, end }: ByteRange, size: number): string {
  return `bytes ${start}-${end - 1}/${size}`
}
