import type { Client, Item } from './client.ts'
import { ConnectionError } from './connection-error.ts'

/**
 * Reads a key over a connection that was opened after the first read had gone wrong, so that
 * whatever was wrong with the other connection is left behind. Those who ask while such a
 * connection is being opened share it; it is closed when the last of them is done.
 */
export class SecondLook {
  readonly #open: () => Client
  readonly #clients = new Set<Client>()
  /** The one that nothing was received on yet. */
  #unused: { client: Client; users: number } | undefined

  #closed = false

  constructor(open: () => Client) {
    this.#open = open
  }

  /** Calls `judge` with what there is under `key` now, and with the client to do more with. */
  async read<R>(
    key: string,
    judge: (item: Item | undefined, client: Client) => Promise<R>,
  ): Promise<R> {
    const shared = this.#join()
    try {
      const item = await shared.client.gets(key).finally(() => this.#leaveUnused(shared))
      return await judge(item, shared.client)
    } finally {
      if (--shared.users === 0) await this.#discard(shared.client)
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.all(Array.from(this.#clients, (client) => this.#discard(client)))
  }

  #join() {
    if (this.#closed) throw new ConnectionError('shutdown', 'the client is closed')
    if (this.#unused === undefined) {
      const client = this.#open()
      this.#clients.add(client)
      this.#unused = { client, users: 0 }
    }
    this.#unused.users++
    return this.#unused
  }

  #leaveUnused(shared: object): void {
    if (this.#unused === shared) this.#unused = undefined
  }

  async #discard(client: Client): Promise<void> {
    this.#clients.delete(client)
    await client.close()
  }
}
