import { DamagedError, type GetOptions, type Proof } from '../engine.ts'
import type { Answer } from './answers.ts'
import type { Member } from './member.ts'

/** Wraps what the caller's own proof rejected with, which is not the server's failure. */
export class ProofFailure extends Error {
  constructor(cause: unknown) {
    super('the proof failed', { cause })
  }
}

/**
 * Asks one server for a key.
 * @throws {ProofFailure | UnavailableError}
 */
export async function ask<T>(
  member: Member,
  key: string,
  prove: Proof<T>,
  { discard = false, allocate }: GetOptions<T>,
): Promise<Answer<T>> {
  const start = performance.now()
  const proveCopy = async (value: Buffer) => {
    try {
      const proven = await prove(value)
      if (proven === undefined) return undefined
      const wasTaken = value.length === 0 && Buffer.isBuffer(proven)
      return { value: wasTaken ? proven : value, proven }
    } catch (error) {
      throw new ProofFailure(error)
    }
  }
  try {
    const inner = allocate === undefined ? { discard } : { discard, allocate }
    const copy = await member.use((engine) => engine.get(key, proveCopy, inner))
    member.latency.add(performance.now() - start)
    return copy ?? 'absent'
  } catch (error) {
    if (error instanceof DamagedError) return 'damaged'
    throw error
  }
}
