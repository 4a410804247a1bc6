import type { Member } from './member.ts'
import type { Repairs } from './repairs.ts'

/** Copies that are written to one server at a time. */
const AT_ONCE = 4

/**
 * Copies to a server that is back what was written while it was down, from other servers. Does not
 * prove the copies; they are proven when they are read. Leaves a key alone that the server has
 * already, since its copy may be newer.
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
        // A read of the key repairs it when this fails.
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
