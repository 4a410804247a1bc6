import { UnavailableError } from '../../errors.ts'
import type { Engine } from '../engine.ts'
import { unavailable } from './answers.ts'
import type { Member } from './member.ts'
import type { Seats } from './seats.ts'

/** The answers of several servers to a question with a yes or a no. */
export interface Said {
  answered: Set<Member>
  yes: boolean
}

/** Does `work` on all members. Leaves out those that do not answer. */
export async function askAll(
  members: readonly Member[],
  work: (engine: Engine) => Promise<boolean>,
): Promise<Said> {
  const said: Said = { answered: new Set(), yes: false }
  const asked = members.map(async (member) => {
    try {
      if (await member.useInTime(work)) said.yes = true
      said.answered.add(member)
    } catch (error) {
      if (!(error instanceof UnavailableError)) throw error
    }
  })
  await Promise.all(asked)
  return said
}

/**
 * Checks a question that no server answered with yes.
 * @throws {UnavailableError} when too many holders did not answer to know that it is a no.
 */
export function throwIfUnsure(seats: Seats, { answered }: Said, tolerated: number): void {
  const silent = seats.expected.filter((member) => !answered.has(member)).length
  if (silent > tolerated || answered.size === 0) throw unavailable(seats)
}
