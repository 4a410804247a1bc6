import { checkTtl } from '../../engine/key.ts'
import { InvalidArgumentError } from '../../errors.ts'
import { type NamesOf, refuseUnknown } from '../../known-names.ts'
import { StoredFile } from '../reading/stored-file.ts'
import type { CommitOptions } from '../writing/commit.ts'
import type { Source } from '../writing/source.ts'
import type { StageOptions } from '../writing/upload.ts'
import type { FillReason } from './result.ts'

/** What `produce` is told. */
export interface ProduceContext {
  /** The name, where the file was asked for by name. */
  readonly name?: string
  /** The hash, where the file was asked for by hash: what is produced must have it. */
  readonly hash?: string
  readonly reason: FillReason
  /** Aborted when nothing waits for the file any more, and when it takes longer than `timeoutMs`. */
  readonly signal: AbortSignal
  /** The file whose time is over, where its record was kept: `{ unchanged: true }` makes it valid again. */
  readonly stale?: StoredFile
}

/** How to keep what was produced; each takes the place of the same option of `getOrPut`. */
export type KeepOptions = Pick<
  CommitOptions,
  'type' | 'attributes' | 'ttl' | 'staleFor' | 'keepFor'
>

/** A source, and how to keep it. */
export interface ProducedSource extends KeepOptions, Pick<StageOptions, 'digest' | 'size'> {
  source: Source
  /** False hands the bytes to the caller and stores nothing. Default true. */
  store?: boolean | undefined
}

/** Says that the stale file is still right: it lives on from now, without its bytes. */
export interface Unchanged extends KeepOptions {
  unchanged: true
}

export type Produced = Source | ProducedSource | Unchanged

/** Makes a file. Its rejection reaches every caller that waits, and stores nothing. */
export type Produce = (context: ProduceContext) => Produced | Promise<Produced>

export interface FillOptions extends KeepOptions {
  /**
   * Seconds for which this process remembers a failure of `produce`, and throws it without another try; not an
   * `UnavailableError`. Default 0.
   */
  failFor?: number | undefined
  /**
   * What to do when the engine does not answer, or cannot store the file: `throw` the error, or `produce` the
   * file for this caller, unstored. Default `throw`.
   */
  onUnavailable?: 'throw' | 'produce' | undefined
  /**
   * A file that was found and cannot be used: it counts as absent, unless something was stored in its place
   * since. That is how a file is healed of which a read shows that it lost a chunk.
   */
  unusable?: UnusableFile | undefined
  /** Fetch the only chunk of a small file along with its link, as for `find`. Default false. */
  prefetch?: boolean | undefined
  /** Wait until the file is stored, also where this call has it produced. Default false. */
  whole?: boolean | undefined
  /** Milliseconds that one call of `produce` and storing its bytes may take. Default 600,000. */
  timeoutMs?: number | undefined
  /** Ends the wait of this caller. The work is aborted when no other caller waits for it. */
  signal?: AbortSignal | undefined
}

/** A file that a caller has found and cannot use, and why. */
export interface UnusableFile {
  readonly file: StoredFile
  readonly reason: 'evicted' | 'corrupt' | 'expired'
}

/** @typeParam F The file that is read. @typeParam R What reading it gives. */
export interface GetOrPutOptions<F = StoredFile, R = F>
  extends Omit<FillOptions, 'unusable' | 'whole'> {
  /**
   * Reads the file; `getOrPut` resolves with what it resolves with. When it shows that a chunk is gone or wrong,
   * the file is produced and read again. Without it `getOrPut` resolves with the file.
   */
  read?: ((file: F) => R | Promise<R>) | undefined
}

const KEEP: NamesOf<KeepOptions> = {
  type: true,
  attributes: true,
  ttl: true,
  staleFor: true,
  keepFor: true,
}
const OPTIONS: NamesOf<FillOptions> = {
  ...KEEP,
  failFor: true,
  onUnavailable: true,
  unusable: true,
  prefetch: true,
  whole: true,
  timeoutMs: true,
  signal: true,
}
const PRODUCED: NamesOf<ProducedSource> = {
  ...KEEP,
  source: true,
  store: true,
  digest: true,
  size: true,
}
const UNCHANGED: NamesOf<Unchanged> = { ...KEEP, unchanged: true }
const LONGEST_TIMEOUT = 2 ** 31 - 1

/** @throws {InvalidArgumentError} for an argument that can never work. */
export function checkArguments(where: string, produce: Produce, options: FillOptions): void {
  if (typeof produce !== 'function') {
    throw new InvalidArgumentError('produce is a function that returns the bytes of the file', {
      expected: 'a function',
      actual: typeof produce,
    })
  }
  refuseUnknown(where, options, OPTIONS)
  const { failFor = 0, onUnavailable = 'throw', timeoutMs = 1, unusable } = options
  for (const seconds of [options.ttl, options.staleFor, options.keepFor]) checkTtl(seconds ?? 0)
  if (!(failFor >= 0 && failFor <= 86_400)) {
    throw wrong('failFor', 'seconds from 0 to 86400', failFor)
  }
  if (onUnavailable !== 'throw' && onUnavailable !== 'produce') {
    throw wrong('onUnavailable', "'throw' or 'produce'", onUnavailable)
  }
  if (unusable !== undefined && !isUnusable(unusable)) {
    throw wrong('unusable', "{ file, reason } with 'evicted', 'corrupt' or 'expired'", unusable)
  }
  if (!Number.isSafeInteger(timeoutMs) || timeoutMs < 1 || timeoutMs > LONGEST_TIMEOUT) {
    throw wrong('timeoutMs', `a whole number from 1 to ${LONGEST_TIMEOUT}`, timeoutMs)
  }
}

function isUnusable({ file, reason }: UnusableFile): boolean {
  return file instanceof StoredFile && ['evicted', 'corrupt', 'expired'].includes(reason)
}

function wrong(name: string, expected: string, actual: unknown): InvalidArgumentError {
  return new InvalidArgumentError(`${name} is ${expected}`, { expected, actual: String(actual) })
}

/**
 * Tells a source from an object that has one.
 * @throws {InvalidArgumentError} for properties that neither has.
 */
export function toProduced(produced: Produced): ProducedSource | Unchanged {
  if (!isDescription(produced)) return { source: produced }
  if (!('unchanged' in produced)) {
    refuseUnknown('what produce returns', produced, PRODUCED)
    return produced
  }
  refuseUnknown('an unchanged file', produced, UNCHANGED)
  if (produced.unchanged !== true) throw wrong('unchanged', 'true', produced.unchanged)
  return produced
}

function isDescription(produced: Produced): produced is ProducedSource | Unchanged {
  if (typeof produced !== 'object' || produced === null) return false
  if (Symbol.iterator in produced || Symbol.asyncIterator in produced) return false
  return 'source' in produced || 'unchanged' in produced
}
