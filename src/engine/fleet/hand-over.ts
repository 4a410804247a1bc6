import type { Member } from './member.ts'
import type { Repairs } from './repairs.ts'

/** Copies that are brought to one server at a time. */
const AT_ONCE = 4

/**
 * Brings to a server that is back what was written while it was away, from the others that have it.
 * Nobody proves the copies here: like any other, they are proven when they are read. A key that the
 * server has already is left alone, since it may be newer.
 */
export async function handOver(
  to: Member,
  repairs: Repairs,
  sourcesOf: (key: string) => readonly Member[],
): Promise<void> {
  const bring = async () => {
    for (let next = to.missed.take(); next !== undefined; next = to.missed.take()) {
      const { key, ttl } = next
      await repairs.during(key, async () => {
        // What fails is left to the readers, who find the same gap.
        const isThere = await copy(to, sourcesOf(key), key, ttl).catch(() => false)
        if (isThere) repairs.tell(to, key)
      })
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, bring))
}

async function copy(
  to: Member,
  sources: readonly Member[],
  key: string,
  ttl: number,
): Promise<boolean> {
  for (const source of sources) {
    if (source === to || !source.isUp) continue
    const value = await source.use((engine) => engine.get(key, (bytes) => bytes))
    if (value !== undefined) return (await to.use((engine) => engine.add(key, value, { ttl }))) > 0
  }
  return false
}
