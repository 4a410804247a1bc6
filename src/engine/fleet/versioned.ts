import type { Proof, Versions } from '../engine.ts'

/** A copy that proved itself: the bytes, and what they stand for. */
export interface Copy<T> {
  value: Buffer
  proven: T
}

/** How the copies of a value that others may replace are told apart. */
export interface Versioned<T> {
  readonly prove: Proof<T>
  readonly versions: Versions<T>
}

/** Returns more than 0 when `a` is newer than `b`, and 0 when they are the same. */
export function compareCopies<T>(versions: Versions<T>, a: Copy<T>, b: Copy<T>): number {
  return versions.of(a.proven) - versions.of(b.proven) || Buffer.compare(a.value, b.value)
}

export function isNewer<T>(versions: Versions<T>, a: Copy<T>, b: Copy<T>): boolean {
  return compareCopies(versions, a, b) > 0
}
