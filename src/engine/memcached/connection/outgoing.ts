import type { Socket } from 'node:net'
import type { ByteSink } from '../protocol/protocol.ts'

/** Bytes. Copying fewer is faster than a write of their own. */
const SMALL = 4096

/** Writes to a socket in few calls: small parts together, large ones as they are. */
export class Outgoing implements ByteSink {
  readonly #socket: Socket
  #small: Buffer[] = []
  #smallBytes = 0
  #isCorked = false

  constructor(socket: Socket) {
    this.#socket = socket
  }

  /** Keeps `bytes` until `flush`, without a copy if they are large. */
  add(bytes: Buffer): void {
    if (bytes.length >= SMALL) {
      this.#cork()
      this.#writeSmall()
      this.#socket.write(bytes)
    } else if (bytes.length > 0) {
      this.#small.push(bytes)
      this.#smallBytes += bytes.length
    }
  }

  flush(): void {
    this.#writeSmall()
    if (this.#isCorked) this.#socket.uncork()
    this.#isCorked = false
  }

  #writeSmall(): void {
    if (this.#smallBytes === 0) return
    const [first, second] = this.#small
    this.#socket.write(second ? Buffer.concat(this.#small, this.#smallBytes) : first!)
    this.#small = []
    this.#smallBytes = 0
  }

  #cork(): void {
    if (!this.#isCorked) this.#socket.cork()
    this.#isCorked = true
  }
}
