import { Digest } from '../../digest.ts'
import { InvalidArgumentError } from '../../errors.ts'
import { orAborted } from '../../or-aborted.ts'
import type { ParsedRef } from '../file-ref.ts'
import type { CommitOptions } from '../writing/commit.ts'
import { checkSize, open } from '../writing/source.ts'
import type { Missing } from './look.ts'
import {
  type KeepOptions,
  type Produce,
  type Produced,
  type ProducedSource,
  toProduced,
  type Unchanged,
} from './produce.ts'
import { Split } from './split.ts'

/** Calls `produce`; rejects at once when `signal` is aborted, and abandons a source that comes after that. */
export async function callProduce(
  { ref, produce }: { ref: ParsedRef; produce: Produce },
  { reason, stale }: Missing,
  signal: AbortSignal,
): Promise<ProducedSource | Unchanged> {
  const whose = ref.name === undefined ? { hash: ref.hash.hex } : { name: ref.name }
  const context = { ...whose, reason, signal, ...(stale && { stale }) }
  signal.throwIfAborted()
  const take = (produced: Produced) => {
    const described = toProduced(produced)
    if (signal.aborted) abandon(described)
    return described
  }
  const producing = new Promise<Produced>((started) => started(produce(context))).then(take)
  return orAborted(producing, signal)
}

export function expectSource(produced: ProducedSource | Unchanged): ProducedSource {
  if (!('unchanged' in produced)) return produced
  throw new InvalidArgumentError(
    'produce says that the file is unchanged, and was given no stale file',
  )
}

/** Frees what a source that is not read holds. */
export function abandon(produced: ProducedSource | Unchanged): void {
  if (!('unchanged' in produced)) open(produced.source).abandon()
}

/** Whether several callers can have the bytes. */
export function isRepeatable({ source }: ProducedSource): boolean {
  return typeof source === 'string' || source instanceof Uint8Array || source instanceof Blob
}

export function splitOf({ source, size, digest }: ProducedSource, hasReader: boolean): Split {
  const opened = open(source)
  try {
    checkSize(size)
    const parsed = typeof digest === 'string' ? Digest.parse(digest) : digest
    return new Split(opened, { size: size ?? opened.size, digest: parsed }, hasReader)
  } catch (error) {
    opened.abandon()
    throw error
  }
}

/** How to keep a file: as `produced` says, and else as `options` do. With a hash nothing else is kept. */
export function keepOf(
  { name }: ParsedRef,
  produced: KeepOptions,
  options: KeepOptions,
): CommitOptions {
  const ttl = produced.ttl ?? options.ttl
  if (name === undefined) return { ttl }
  return {
    name,
    ttl,
    type: produced.type ?? options.type,
    attributes: produced.attributes ?? options.attributes,
    staleFor: produced.staleFor ?? options.staleFor,
    keepFor: produced.keepFor ?? options.keepFor,
  }
}
