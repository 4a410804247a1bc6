import { connect, type Socket } from 'node:net'
import type { ExecutionContext } from 'ava'
import { until } from './watchdog.ts'

/** A client that sends exactly the given bytes and keeps those it receives. */
export class RawHttp {
  readonly socket: Socket
  readonly #t: ExecutionContext
  received = ''
  #closed = false

  constructor(t: ExecutionContext, socket: Socket) {
    this.#t = t
    this.socket = socket
    socket.on('data', (piece) => {
      this.received += piece.toString('latin1')
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      this.#closed = true
    })
  }

  get isClosed(): boolean {
    return this.#closed
  }

  send(...lines: string[]): void {
    this.socket.write(lines.join('\r\n'), 'latin1')
  }

  /** Waits until the received text matches `pattern`. */
  async until(pattern: RegExp): Promise<void> {
    const start = () => JSON.stringify(this.received.slice(0, 300))
    await until(`${pattern} in ${start()}`, () => {
      const isThere = pattern.test(this.received)
      if (!isThere && this.#closed) throw new Error(`closed after ${start()}`)
      return isThere
    })
    this.#t.regex(this.received, pattern)
  }

  async closed(): Promise<string> {
    await until('the connection to be closed', () => this.#closed)
    return this.received
  }
}

/** Opens a connection and destroys it after the test. */
export async function connectRaw(t: ExecutionContext, url: string): Promise<RawHttp> {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port), noDelay: true })
  t.teardown(() => socket.destroy())
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve).once('error', reject)
  })
  return new RawHttp(t, socket)
}

/** Sends one whole request and waits until the server closes. */
export async function exchange(t: ExecutionContext, url: string, ...lines: string[]) {
  const client = await connectRaw(t, url)
  client.send(...lines)
  return client.closed()
}

/** Splits one answer into its parts. */
export function parseAnswer(answer: string) {
  const [head, body] = answer.split('\r\n\r\n') as [string, string]
  return { status: Number(head.split(' ')[1]), head, body }
}
