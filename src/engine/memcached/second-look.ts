import type { Commands, Item } from './commands.ts'
import { ConnectionError } from './connection-error.ts'

/**
 * Reads a key over a connection that is opened after a first read has gone wrong, so that nothing
 * that was wrong with the other connection matters. Reads that start before it has received
 * anything share it; it is closed after the last of them.
 */
export class SecondLook {
  readonly #open: () => Commands
  readonly #opened = new Set<Commands>()
  /** The connection on which nothing was received yet. */
  #unused: { commands: Commands; users: number } | undefined
  #closed = false

  constructor(open: () => Commands) {
    this.#open = open
  }

  /**
   * Calls `judge` with what there is under `key` now, and with the commands over that connection.
   */
  async read<R>(
    key: string,
    judge: (item: Item | undefined, commands: Commands) => Promise<R>,
  ): Promise<R> {
    const shared = this.#join()
    try {
      const item = await shared.commands.gets(key).finally(() => this.#leaveUnused(shared))
      return await judge(item, shared.commands)
    } finally {
      if (--shared.users === 0) await this.#discard(shared.commands)
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.all(Array.from(this.#opened, (commands) => this.#discard(commands)))
  }

  #join() {
    if (this.#closed) throw new ConnectionError('shutdown', 'the client is closed')
    if (this.#unused === undefined) {
      const commands = this.#open()
      this.#opened.add(commands)
      this.#unused = { commands, users: 0 }
    }
    this.#unused.users++
    return this.#unused
  }

  #leaveUnused(shared: object): void {
    if (this.#unused === shared) this.#unused = undefined
  }

  async #discard(commands: Commands): Promise<void> {
    this.#opened.delete(commands)
    await commands.close()
  }
}
