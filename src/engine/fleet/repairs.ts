import type { Lack } from './answers.ts'
import type { Member } from './member.ts'

/** Copies that are written in the background at a time, and their bytes. */
const LIMITS = { keys: 64, bytes: 16 * 1024 * 1024 }

/**
 * Writes copies again while nobody waits for it. What is beyond the limits is dropped: the next
 * reader finds the same gap.
 */
export class Repairs {
  /** To be called for each copy that was written again. */
  readonly tell: (member: Member, key: string) => void
  readonly #underWay = new Map<string, Promise<void>>()
  #bytes = 0

  constructor(tell: (member: Member, key: string) => void) {
    this.tell = tell
  }

  /** @param value Copied: whoever it belongs to may use it for something else from now on. */
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

  /** Has whoever changes `key` wait for `work`, which never rejects. */
  async during(key: string, work: () => Promise<unknown>): Promise<void> {
    const all = Promise.all([this.#underWay.get(key), work()]).then(() => {})
    this.#underWay.set(key, all)
    await all
    if (this.#underWay.get(key) === all) this.#underWay.delete(key)
  }

  /** Resolves with the number of copies that were written. */
  async write(key: string, value: Buffer, ttl: number, lacks: readonly Lack[]): Promise<number> {
    const writes = lacks.map(async ({ member, how }) => {
      // Never over what somebody wrote meanwhile, except where something wrong has to go.
      const copies = await member.use((engine) => engine[how](key, value, { ttl })).catch(() => 0)
      if (copies > 0) this.tell(member, key)
      return copies
    })
    return (await Promise.all(writes)).reduce((sum, copies) => sum + copies, 0)
  }

  /** Waits until nothing is on its way to `key` that could undo what is done to it next. */
  async settled(key: string): Promise<void> {
    await this.#underWay.get(key)
  }

  /** Waits until nothing is under way at all. */
  async idle(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay.values())
  }
}
