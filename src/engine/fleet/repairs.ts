import type { Proof, Versions } from '../engine.ts'
import type { Lack } from './answers.ts'
import { bring } from './bring.ts'
import type { Member } from './member.ts'
import type { Copy, Versioned } from './versioned.ts'

/** Keys that are repaired in the background at a time, and their bytes. */
const LIMITS = { keys: 64, bytes: 16 * 1024 * 1024 }

/** A copy that counts, and how it is to be written again. */
export interface Repair<T> extends Copy<T> {
  ttl: number
  /** Where others may replace it. */
  versioned: Versioned<T> | undefined
}

/** `undefined` when the copy must not be written again. */
export function toRepair<T>(
  copy: Copy<T>,
  prove: Proof<T>,
  versions: Versions<T> | undefined,
): Repair<T> | undefined {
  if (versions === undefined) return { ...copy, ttl: 0, versioned: undefined }
  const ttl = versions.ttl(copy.proven)
  return ttl === undefined ? undefined : { ...copy, ttl, versioned: { prove, versions } }
}

/**
 * Writes copies again in the background. Drops what is beyond the limits: the next read of that key
 * finds the same copies missing.
 */
export class Repairs {
  /** Call it for each copy that was written again. */
  readonly tell: (member: Member, key: string) => void
  readonly #underWay = new Map<string, Promise<void>>()
  #bytes = 0

  constructor(tell: (member: Member, key: string) => void) {
    this.tell = tell
  }

  /** @param repair.value Copied; the caller may use it again at once. */
  offer<T>(key: string, { value, ...rest }: Repair<T>, lacks: readonly Lack[]): void {
    const bytes = value.length
    if (this.#underWay.has(key) || this.#underWay.size >= LIMITS.keys) return
    if (this.#bytes > 0 && this.#bytes + bytes > LIMITS.bytes) return
    this.#bytes += bytes
    const copy = { ...rest, value: Buffer.from(value) }
    void this.during(key, () => this.write(key, copy, lacks)).then(() => {
      this.#bytes -= bytes
    })
  }

  /** Has changes of `key` wait for `work`, which must not reject. */
  async during(key: string, work: () => Promise<unknown>): Promise<void> {
    const all = Promise.all([this.#underWay.get(key), work()]).then(() => {})
    this.#underWay.set(key, all)
    await all
    if (this.#underWay.get(key) === all) this.#underWay.delete(key)
  }

  /** Resolves with the number of copies that were written. */
  async write<T>(key: string, repair: Repair<T>, lacks: readonly Lack[]): Promise<number> {
    const writes = lacks.map(async (lack) => {
      const copies = await writeOne(key, repair, lack).catch(() => 0)
      if (copies > 0) this.tell(lack.member, key)
      return copies
    })
    return (await Promise.all(writes)).reduce((sum, copies) => sum + copies, 0)
  }

  /** Waits until no repair of `key` is under way, which could undo the next change. */
  async idleFor(key: string): Promise<void> {
    await this.#underWay.get(key)
  }

  /** Waits until no repair is under way. */
  async idle(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay.values())
  }
}

/** Never over what was written meanwhile, except where something wrong has to go. */
async function writeOne<T>(key: string, repair: Repair<T>, { member, how }: Lack): Promise<number> {
  const { value, ttl, versioned } = repair
  if (versioned === undefined) return member.use((engine) => engine[how](key, value, { ttl }))
  return (await bring(member, key, repair, versioned)) ? 1 : 0
}
