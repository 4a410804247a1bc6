/** The largest `-I` that memcached takes, in bytes. */
const MAX_ITEM_SIZE = 1024 * 1024 * 1024
/**
 * Bytes of an item beside its key and value: the header (48), the CAS (8), the zero after the key
 * (1) and the line end after the value (2). The limit `-I` counts all of it.
 */
const ITEM_OVERHEAD = 48 + 8 + 1 + 2
/** Bytes of a piece of a large item (`slab_chunk_max`) below which memcached 1.6.18 crashes. */
const MIN_PIECE = 128
/** Pieces of one item that are worth no word: by default there are two at most. */
const FEW_PIECES = 4

/** How a memcached was started, as far as it matters for what is stored and as far as it tells. */
export interface ServerSettings {
  /** Bytes of the largest item (`-I`). */
  readonly maxItemSize: number
  /** Bytes of the pieces that larger items are put together of (`slab_chunk_max`). */
  readonly maxPiece: number | undefined
  /** Bytes of the items that go to flash, if there is some (`ext_item_size`). */
  readonly flashFrom: number | undefined
  /** Seconds until they go there while there is RAM (`ext_item_age`). */
  readonly flashAfter: number | undefined
  /** Whether the oldest items make room for new ones; not with `-M`. */
  readonly evicts: boolean
}

/** Returns the largest value under a key of `keyLength` bytes when an item may take `maxItemSize`. */
export function maxValueSize(maxItemSize: number, keyLength: number): number {
  return Math.max(0, maxItemSize - ITEM_OVERHEAD - keyLength)
}

/** Reads the figures of `stats settings`; `undefined` when they do not tell how large an item may be. */
export function settingsOf(
  figures: ReadonlyMap<string, string> | undefined,
): ServerSettings | undefined {
  const numberOf = (name: string) => {
    const text = figures?.get(name) ?? ''
    return /^\d{1,10}$/.test(text) ? Number(text) : undefined
  }
  const maxItemSize = numberOf('item_size_max') ?? 0
  if (maxItemSize < 1 || maxItemSize > MAX_ITEM_SIZE) return undefined
  return {
    maxItemSize,
    maxPiece: numberOf('slab_chunk_max'),
    flashFrom: numberOf('ext_item_size'),
    // Told without flash as well; the free pages at which it is made compact are 0 then.
    flashAfter: numberOf('ext_compact_under') ? numberOf('ext_item_age') : undefined,
    evicts: figures?.get('evictions') !== 'off',
  }
}

/** Returns why nothing can be stored on a server that was started so. */
export function hindranceOf({ maxPiece = MIN_PIECE }: ServerSettings): string | undefined {
  if (maxPiece >= MIN_PIECE) return undefined
  return `memcached was started with slab_chunk_max=${maxPiece}, on which it crashes: leave it out`
}

/** What to change about one server for what is stored most, as far as its settings tell. */
export class SettingsAdvice {
  readonly #tell: (advice: string) => void
  readonly #given = new Set<string>()
  #told: ServerSettings | undefined
  #expected: { valueSize: number; keyLength: number } | undefined

  /** @param tell Called once for each piece of advice. */
  constructor(tell: (advice: string) => void = () => {}) {
    this.#tell = tell
  }

  get list(): string[] {
    if (this.#told === undefined || this.#expected === undefined) return []
    return adviceFor(this.#told, this.#expected.valueSize, this.#expected.keyLength)
  }

  /** Takes note of how the server was started, if it has told that. */
  learn(told: ServerSettings | undefined): void {
    this.#told = told
    this.#tellNews()
  }

  /** Takes note of what is stored most: values of so many bytes, under keys of so many. */
  expect(valueSize: number, keyLength: number): void {
    const known = this.#expected
    if (known?.valueSize === valueSize && known.keyLength === keyLength) return
    this.#expected = { valueSize, keyLength }
    this.#tellNews()
  }

  #tellNews(): void {
    for (const advice of this.list) {
      if (this.#given.has(advice)) continue
      this.#given.add(advice)
      this.#tell(advice)
    }
  }
}

/** Returns what to change about a server for values of `valueSize` bytes under keys of `keyLength`. */
function adviceFor(
  { maxItemSize, maxPiece, flashFrom, flashAfter = 0, evicts }: ServerSettings,
  valueSize: number,
  keyLength: number,
): string[] {
  const itemSize = valueSize + ITEM_OVERHEAD + keyLength
  const pieces = maxPiece === undefined ? 1 : Math.ceil(itemSize / maxPiece)
  const advice = []
  if (itemSize > maxItemSize) {
    const most = maxValueSize(maxItemSize, keyLength)
    advice.push(`no chunk fits: raise -I, or make chunks of at most ${most} bytes`)
  } else if (pieces > FEW_PIECES) {
    advice.push(
      `each chunk is stored in ${pieces} pieces (slab_chunk_max=${maxPiece}): leave it out`,
    )
  }
  if (flashFrom !== undefined && flashFrom > itemSize) {
    advice.push(`no chunk goes to flash (ext_item_size=${flashFrom}): set at most ${itemSize}`)
  }
  if (flashAfter > 0) {
    advice.push('it evicts what has not got to flash when RAM is full: set ext_item_age=0')
  }
  if (!evicts) advice.push('when it is full, uploads fail: it evicts nothing (-M)')
  return advice
}
