import type { Lack } from './answers.ts'
import type { Member } from './member.ts'

/** Keys that are repaired in the background at a time, and their bytes. */
const LIMITS = { keys: 64, bytes: 16 * 1024 * 1024 }

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

  /** @param value Copied; the caller may use it again at once. */
  offer(key: string, value: Buffer, ttl: number, lacks: readonly Lack[]): void {
    const bytes = value.length
    if (this.#underWay.has(key) || this.#underWay.size >= LIMITS.keys) return
    if (this.#bytes > 0 && this.#bytes + bytes > LIMITS.bytes) return
    this.#bytes += bytes
    const copy = Buffer.from(value)
    void this.during(key, () => this.write(key, copy, ttl, lacks)).then(() => {
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
  async write(key: string, value: Buffer, ttl: number, lacks: readonly Lack[]): Promise<number> {
    const writes = lacks.map(async ({ member, how }) => {
      // `add` does not overwrite what another client has written in the meantime.
      const copies = await member.use((engine) => engine[how](key, value, { ttl })).catch(() => 0)
      if (copies > 0) this.tell(member, key)
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
