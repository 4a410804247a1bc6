import { randomUUID } from 'node:crypto'
import type { Commands } from '../commands.ts'

/**
 * As long as a link, so that it shares their pages: alone it would take a page, 1 MiB, for itself.
 */
const LENGTH = 200

/**
 * `new`: this process has it from now on. `kept`: it had it already, without a gap. `taken`:
 * another has it.
 */
export type ClaimState = 'new' | 'kept' | 'taken'

/**
 * Lets one of all processes that share a memcached do something, by a key in it. It is no lock:
 * when memcached has evicted the key, two may have it for a moment.
 */
export class Claim {
  readonly #commands: Commands
  readonly #key: string
  readonly #seconds: number
  readonly #owner = Buffer.from(randomUUID().padEnd(LENGTH))

  /** @param seconds How long others cannot take it after it was held last. */
  constructor(commands: Commands, key: string, seconds: number) {
    this.#commands = commands
    this.#key = key
    this.#seconds = seconds
  }

  /** Takes it, or keeps it for longer. Rejects as `Commands` do. */
  async hold(): Promise<ClaimState> {
    const holder = await this.#commands.gets(this.#key)
    if (holder === undefined) {
      const isNew = await this.#commands.add(this.#key, this.#owner, this.#seconds)
      return isNew ? 'new' : 'taken'
    }
    if (!holder.value.equals(this.#owner)) return 'taken'
    await this.#commands.set(this.#key, this.#owner, this.#seconds)
    return 'kept'
  }
}
