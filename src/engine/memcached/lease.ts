import { randomUUID } from 'node:crypto'
import type { Client } from './client.ts'

/** As long as a link, so that it lies among them: alone it would have a page, 1 MiB, for itself. */
const LENGTH = 200

/** `new`: it is ours from now on; `kept`: it was already, without a gap; `taken`: another has it. */
export type Holding = 'new' | 'kept' | 'taken'

/**
 * What one of all processes that share a memcached holds, by a key in it. It is no lock: two may
 * hold it for a moment, when memcached has evicted the key.
 */
export class Lease {
  readonly #client: Client
  readonly #key: string
  readonly #seconds: number
  readonly #owner = Buffer.from(randomUUID().padEnd(LENGTH))

  /** @param seconds After which others may have it, unless it is asked for again. */
  constructor(client: Client, key: string, seconds: number) {
    this.#client = client
    this.#key = key
    this.#seconds = seconds
  }

  /** Takes it, or keeps it for longer. Rejects as `client` does. */
  async hold(): Promise<Holding> {
    const holder = await this.#client.gets(this.#key)
    if (holder === undefined) {
      const isNew = await this.#client.storeNew(this.#key, this.#owner, this.#seconds)
      return isNew ? 'new' : 'taken'
    }
    if (!holder.value.equals(this.#owner)) return 'taken'
    await this.#client.store(this.#key, this.#owner, this.#seconds)
    return 'kept'
  }
}
