import { InsufficientStorageError, UnavailableError } from '../../errors.ts'
import type { Engine, SetOptions } from '../engine.ts'
import { unavailable } from './answers.ts'
import type { Member } from './member.ts'
import type { Seats } from './seats.ts'
import type { Versioned } from './versioned.ts'

/** How often servers that do not answer are replaced by others. Each round may take a timeout. */
export const MAX_ROUNDS = 3

/**
 * Stores a value on every holder at once, and on a stand-in for each that is down. Resolves with
 * the number of copies when all are done, since `value` is read until then.
 * @throws The most telling failure, when there are fewer copies than a write needs.
 */
export async function setCopies(
  seats: Seats,
  key: string,
  value: Buffer,
  options: SetOptions,
): Promise<number> {
  const tried = new Set<Member>()
  const stored = new Set<Member>()
  const failures: unknown[] = []
  let copies = 0
  let missing = seats.wanted
  for (let round = 0; round < MAX_ROUNDS && missing > 0; round++) {
    const targets = seats.up(missing, tried)
    missing = 0
    const attempts = targets.map(async (member) => {
      tried.add(member)
      try {
        const written = await storeInTime(member, key, value, options)
        copies += written
        stored.add(member)
      } catch (error) {
        failures.push(error)
        if (error instanceof UnavailableError) missing++
      }
    })
    await Promise.all(attempts)
  }
  if (!isEnough(seats, stored)) throw worst(failures) ?? unavailable(seats)
  rememberMissed(seats, stored, key, options)
  return copies
}

/** Waits for a server that takes unusually long where the caller cannot leave the value alone. */
function storeInTime(
  member: Member,
  key: string,
  value: Buffer,
  { ttl = 0, lingering }: SetOptions,
): Promise<number> {
  const store = (engine: Engine) => engine.set(key, value, { ttl })
  if (lingering === undefined) return member.use(store)
  return member.useInTime(store, { bytes: value.length, onLate: lingering })
}

/**
 * Stores a value where there is none. The first server that is up decides, so that one of several
 * concurrent calls succeeds; the others are asked too, since the first may have lost its copy.
 */
export async function addCopies(
  seats: Seats,
  key: string,
  value: Buffer,
  options: SetOptions,
): Promise<number> {
  const { ttl = 0 } = options
  const add = (engine: Engine) => engine.add(key, value, { ttl })
  const { decider, added } = await addFirst(seats, add)
  if (added === 0) return 0
  const others = seats.up(seats.wanted - 1, new Set([decider]))
  const results = await Promise.all(
    others.map(async (member) => {
      const copies = await member.useInTime(add).catch(() => undefined)
      return { member, copies }
    }),
  )
  const mine = [
    decider,
    ...results.filter(({ copies }) => copies === 1).map(({ member }) => member),
  ]
  if (results.every(({ copies }) => copies !== 0)) {
    const stored = new Set(mine)
    if (!isEnough(seats, stored)) throw unavailable(seats)
    rememberMissed(seats, stored, key, options)
    return mine.length
  }
  await Promise.all(
    mine.map((member) => member.use((engine) => engine.delete(key)).catch(() => {})),
  )
  return 0
}

async function addFirst(seats: Seats, add: (engine: Engine) => Promise<number>) {
  const tried = new Set<Member>()
  let failure: unknown
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const [decider] = seats.up(1, tried)
    if (decider === undefined) break
    tried.add(decider)
    try {
      // One that is only slow is waited for: others may wait for it too.
      return { decider, added: await decider.use(add) }
    } catch (error) {
      if (!(error instanceof UnavailableError)) throw error
      failure = error
    }
  }
  throw unavailable(seats, failure)
}

function isEnough({ circle, quorum }: Seats, stored: ReadonlySet<Member>): boolean {
  return circle.filter((member) => stored.has(member)).length >= quorum.write
}

/** Remembers for the holders without the value that they lack it. */
export function rememberMissed(
  { holders }: Seats,
  stored: ReadonlySet<Member>,
  key: string,
  { ttl = 0, near, versioned }: SetOptions & { versioned?: Versioned<unknown> },
): void {
  for (const holder of holders) {
    if (stored.has(holder)) holder.missed.forget(key)
    else holder.missed.add({ key, ttl, near, versioned })
  }
}

/** Returns the most telling failure: an outage only when there is no other. */
export function worst(failures: readonly unknown[]): unknown {
  return (
    failures.find((error) => !isPassing(error)) ??
    failures.find((error) => error instanceof InsufficientStorageError) ??
    failures[0]
  )
}

const isPassing = (error: unknown) =>
  error instanceof UnavailableError || error instanceof InsufficientStorageError
