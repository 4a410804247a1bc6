import { Answers } from './answers.ts'
import { ask } from './ask.ts'
import { bring } from './bring.ts'
import type { Member } from './member.ts'
import type { Missed } from './missed-writes.ts'
import type { Repairs } from './repairs.ts'
import type { Seats } from './seats.ts'
import type { Copy, Versioned } from './versioned.ts'

/** Copies that are written to one server at a time. */
const AT_ONCE = 4

/**
 * Copies to a server that is back what was written while it was down, from other servers. Of values
 * that may be replaced it brings the newest copy, unless the server has a newer one. Of others it
 * brings the first copy, unproven, which is proven when it is read. Leaves a key alone that the
 * server has already.
 */
export async function handOver(
  to: Member,
  repairs: Repairs,
  seatsOf: (missed: Missed) => Seats,
): Promise<void> {
  const bringAll = async () => {
    while (to.isUp) {
      const next = to.missed.take()
      if (next === undefined) return
      await repairs.during(next.key, async () => {
        // What fails is left to the next return, or to a read of the key, which repairs it.
        const isNew = await copy(to, seatsOf(next), next).catch(() => {
          if (!to.isUp) to.missed.putBack(next)
          return false
        })
        if (isNew) repairs.tell(to, next.key)
      })
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, bringAll))
}

async function copy(to: Member, seats: Seats, missed: Missed): Promise<boolean> {
  const { key, ttl, versioned } = missed
  const sources = seats.up(seats.ranked.length, new Set([to]))
  if (versioned !== undefined) return copyNewest(to, seats, sources, key, versioned)
  for (const source of sources) {
    const value = await source.use((engine) => engine.get(key, (bytes) => bytes))
    if (value !== undefined) return (await to.use((engine) => engine.add(key, value, { ttl }))) > 0
  }
  return false
}

async function copyNewest<T>(
  to: Member,
  seats: Seats,
  sources: readonly Member[],
  key: string,
  versioned: Versioned<T>,
): Promise<boolean> {
  const { prove, versions } = versioned
  const answers = new Answers(seats, versions)
  const asked = sources.map(async (source) => {
    const answer = await ask(source, key, prove, {}).catch(() => undefined)
    if (answer !== undefined) answers.add(source, answer)
  })
  await Promise.all(asked)
  const newest: Copy<T> | undefined = answers.best
  const ttl = newest && versions.ttl(newest.proven)
  if (newest === undefined || ttl === undefined) return false
  return bring(to, key, { ...newest, ttl }, versioned)
}
