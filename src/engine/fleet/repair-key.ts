import { UnavailableError } from '../../errors.ts'
import type { CopyReport, GetOptions, Proof } from '../engine.ts'
import { Answers } from './answers.ts'
import { ask, ProofFailure } from './ask.ts'
import { type Repairs, toRepair } from './repairs.ts'
import type { Seats } from './seats.ts'

/** Does `Engine.repair`: asks all servers for a key, and writes again what is missing or wrong. */
export async function repairKey<T>(
  seats: Seats,
  key: string,
  prove: Proof<T>,
  options: GetOptions<T>,
  { repairs, tolerated }: { repairs: Repairs; tolerated: number },
): Promise<{ proven: T | undefined; copies: CopyReport }> {
  const answers = await askAllFor(seats, key, prove, options)
  const { best } = answers
  const silent = answers.silentOf(seats.holders)
  const copies: CopyReport = { wanted: seats.wanted, found: 0, repaired: 0, silent }
  if (best === undefined)
    return { proven: answers.conclude(key, answers.silent <= tolerated), copies }
  const lacks = answers.lacks(best)
  copies.found = seats.wanted - silent - lacks.length
  const repair = toRepair(best, prove, options.versions)
  if (repair !== undefined) copies.repaired = await repairs.write(key, repair, lacks)
  return { proven: best.proven, copies }
}

async function askAllFor<T>(
  seats: Seats,
  key: string,
  prove: Proof<T>,
  options: GetOptions<T>,
): Promise<Answers<T>> {
  const answers = new Answers(seats, options.versions)
  const asked = seats.readable().map(async (member) => {
    try {
      answers.add(member, await ask(member, key, prove, options))
    } catch (error) {
      if (error instanceof ProofFailure) throw error.cause
      if (!(error instanceof UnavailableError)) throw error
      answers.addFailure(error)
    }
  })
  await Promise.all(asked)
  return answers
}
