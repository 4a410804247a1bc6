import { UnavailableError } from '../../errors.ts'
import type { ServerEngine, Slot } from '../engine.ts'
import type { Answer } from './answers.ts'
import { ProofFailure } from './ask.ts'
import type { Member } from './member.ts'
import type { Copy } from './versioned.ts'
import { isNewer, type Versioned } from './versioned.ts'

/** How often a server is looked at again because others write to the same key. */
const MAX_LOOKS = 8

/** What a server has, and the way to replace just that. */
export interface Look<T> {
  readonly slot: Slot
  readonly answer: Answer<T>
}

/**
 * @param isPatient Whether to wait as long as for a server that no other one can stand in for.
 * @throws {ProofFailure | UnavailableError}
 */
export async function lookAt<T>(
  member: Member,
  key: string,
  { prove }: Versioned<T>,
  isPatient = false,
): Promise<Look<T>> {
  const look = (engine: ServerEngine) => engine.look(key)
  const slot = await (isPatient ? member.use(look) : member.useInTime(look))
  const value = slot.current
  if (value === undefined) return { slot, answer: 'absent' }
  try {
    const proven = await prove(value)
    return { slot, answer: proven === undefined ? 'damaged' : { value, proven } }
  } catch (error) {
    throw new ProofFailure(error)
  }
}

/**
 * Stores `copy` unless what the server has is as new as that; resolves with whether it was stored.
 * Never replaces what is newer, however late the server gets to it.
 * @param look What the server had a moment ago.
 */
export async function bring<T>(
  member: Member,
  key: string,
  copy: Copy<T> & { ttl: number },
  versioned: Versioned<T>,
  look?: Look<T>,
): Promise<boolean> {
  let seen = look
  for (let looks = 0; looks < MAX_LOOKS; looks++) {
    const { slot, answer } = seen ?? (await lookAt(member, key, versioned))
    if (typeof answer !== 'string' && !isNewer(versioned.versions, copy, answer)) return false
    if (await member.useInTime(() => slot.put(copy.value, copy.ttl))) return true
    seen = undefined
  }
  throw new UnavailableError(`what ${member.name} has under ${key} keeps changing`)
}
