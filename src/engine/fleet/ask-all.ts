import { UnavailableError } from '../../errors.ts'
import type { Engine } from '../engine.ts'
import { silence } from './answers.ts'
import type { Member } from './member.ts'
import type { Seats } from './seats.ts'

/** What came of a question with a yes or a no. */
export interface Said {
  answered: Set<Member>
  yes: boolean
}

/** Does it on all of them; who does not answer is left out. */
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
 * For when nobody has said yes.
 * @throws {UnavailableError} when one of too many that were silent might have.
 */
export function throwIfUnsure(seats: Seats, { answered }: Said, tolerated: number): void {
  const silent = seats.expected.filter((member) => !answered.has(member)).length
  if (silent > tolerated || answered.size === 0) throw silence(seats)
}
