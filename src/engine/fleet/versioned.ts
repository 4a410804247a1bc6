import type { Proof, Versions } from '../engine.ts'
import type { Copy } from './answers.ts'

/** How the copies of a value that others may replace are told apart. */
export interface Versioned<T> {
  readonly prove: Proof<T>
  readonly versions: Versions<T>
}

/** Whether `a` counts where both are there. */
export function isNewer<T>(versions: Versions<T>, a: Copy<T>, b: Copy<T>): boolean {
  const difference = versions.of(a.proven) - versions.of(b.proven)
  return difference > 0 || (difference === 0 && Buffer.compare(a.value, b.value) > 0)
}
