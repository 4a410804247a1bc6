import { createCipheriv, createHash } from 'node:crypto'

/** Returns `size` pseudo-random bytes, the same for the same `seed`, at over 1 GB/s. */
export function bytes(seed: string | number, size: number): Buffer {
  const key = createHash('sha256').update(`seed ${seed}`).digest().subarray(0, 16)
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(size))
}
