import { hash, randomBytes } from 'node:crypto'
import { availableParallelism } from 'node:os'

/** Bytes of a chunk, as the server cuts them by default. */
const CHUNK = 524_038

/**
 * Requests a second of a server that does what the best unverified peer does on the same cores, and computes the
 * SHA-256 that has to be computed, and nothing else: `cores / (cores / peer + seconds of SHA-256 a request)`.
 */
export function idealRate(peerRate: number, size: number, isUpload: boolean): number {
  const cores = availableParallelism()
  // An upload hashes its first chunk once, and every other byte for its chunk and for the file.
  const bytes = isUpload ? size + Math.max(0, size - CHUNK) : size
  return cores / (cores / peerRate + bytes / hashRate(Math.min(size, CHUNK)))
}

const rates = new Map<number, number>()

/** Bytes a second that one core hashes in pieces of that size; measured once each. */
export function hashRate(size: number): number {
  const known = rates.get(size)
  if (known !== undefined) return known
  const bytes = randomBytes(size)
  const end = performance.now() + 500
  const start = performance.now()
  let count = 0
  for (; performance.now() < end; count++) hash('sha256', bytes, 'hex')
  const rate = (1000 * count * size) / (performance.now() - start)
  rates.set(size, rate)
  return rate
}
