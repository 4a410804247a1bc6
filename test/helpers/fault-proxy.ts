import { once } from 'node:events'
import { connect, createServer, type NetConnectOpts, type Server, type Socket } from 'node:net'
import type { ExecutionContext } from 'ava'
import { freePort, releasePort } from './ports.ts'

/** Both ends of one connection through the proxy. */
export interface Link {
  /** Counts from 0. */
  readonly index: number
  readonly client: Socket
  readonly server: Socket
  /** Bytes that the server has sent so far. */
  received: number
}

/** Handles bytes on their way; sends with `forward` those that are to arrive. */
export type Tamper = (bytes: Buffer, link: Link, forward: (bytes: Buffer) => void) => void

const pass: Tamper = (bytes, _link, forward) => forward(bytes)

/**
 * A TCP proxy in the test process that injects network faults. It keeps half-open connections open,
 * so that one side sees the other's FIN only when the test passes it on.
 */
export class FaultProxy {
  readonly links: Link[] = []
  /** Called for each connection when it is accepted. */
  onLink: (link: Link) => void = () => {}
  toServer: Tamper = pass
  toClient: Tamper = pass
  /** Whether the FIN of one side is passed on to the other. */
  passEnds = true
  readonly #target: NetConnectOpts
  readonly #server: Server
  #count = 0

  private constructor(target: NetConnectOpts) {
    this.#target = target
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) =>
      this.#accept(client),
    )
  }

  static async start(t: ExecutionContext, target: NetConnectOpts | string): Promise<FaultProxy> {
    const proxy = new FaultProxy(typeof target === 'string' ? toOptions(target) : target)
    await proxy.listen()
    t.teardown(() => proxy.stop())
    return proxy
  }

  #port: number | undefined

  get address(): string {
    return `127.0.0.1:${this.#port}`
  }

  /** The number of connections accepted so far, including closed ones. */
  get count(): number {
    return this.#count
  }

  get last(): Link {
    return this.links.at(-1)!
  }

  /** Listens, each time on the same port. */
  async listen(): Promise<void> {
    this.#port ??= await freePort()
    this.#server.listen(this.#port, '127.0.0.1')
    await once(this.#server, 'listening')
  }

  /** Refuses new connections; open ones stay. */
  unlisten(): void {
    this.#server.close()
  }

  /** Ends all faults: passes everything on from now on. */
  heal(): void {
    this.toServer = pass
    this.toClient = pass
    this.passEnds = true
    this.onLink = () => {}
  }

  /** Resets every connection, on both sides. */
  resetAll(): void {
    for (const { client, server } of this.links) {
      client.resetAndDestroy()
      server.destroy()
    }
  }

  stop(): void {
    this.#server.close()
    for (const { client, server } of this.links) {
      client.destroy()
      server.destroy()
    }
  }

  /** Stops and gives its port back, for tests that start many: the clients are closed already. */
  dispose(): void {
    this.stop()
    if (this.#port !== undefined) releasePort(this.#port)
  }

  #accept(client: Socket): void {
    const server = connect({
      ...this.#target,
      allowHalfOpen: true,
      noDelay: true,
    } as NetConnectOpts)
    const link: Link = { index: this.#count++, client, server, received: 0 }
    this.links.push(link)
    for (const socket of [client, server]) socket.on('error', () => {})
    this.onLink(link)
    this.#pipe(client, server, (bytes, forward) => this.toServer(bytes, link, forward))
    this.#pipe(server, client, (bytes, forward) => {
      this.toClient(bytes, link, forward)
      link.received += bytes.length
    })
    const forget = () => {
      if (!client.destroyed || !server.destroyed) return
      const at = this.links.indexOf(link)
      if (at !== -1) this.links.splice(at, 1)
    }
    client.on('close', forget)
    server.on('close', forget)
  }

  #pipe(
    from: Socket,
    to: Socket,
    tamper: (bytes: Buffer, forward: (bytes: Buffer) => void) => void,
  ): void {
    const forward = (bytes: Buffer) => {
      if (to.destroyed || to.writableEnded || bytes.length === 0) return
      if (!to.write(bytes)) from.pause()
    }
    // Resumes when the other side closes too, or the FIN of this side would never be read.
    for (const event of ['drain', 'close']) to.on(event, () => from.resume())
    from.on('data', (bytes) => tamper(bytes, forward))
    from.on('end', () => {
      if (!this.passEnds) return
      to.end()
      // The FIN of `to` came while FINs were not passed on, and comes only once.
      if (to.destroyed) from.end()
    })
    from.on('close', (hadError) => {
      if (!this.passEnds) return
      if (hadError) to.destroy()
      else if (!to.writableEnded) to.end()
    })
  }
}

function toOptions(address: string): NetConnectOpts {
  const colon = address.lastIndexOf(':')
  if (colon === -1) return { path: address }
  return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) }
}

/** Passes on the first `count` bytes that the server sends on `link` from now on, then calls `then`. */
export function cutAfter(count: number, then: (link: Link) => void): Tamper {
  const left = new Map<Link, number>()
  return (bytes, link, forward) => {
    const room = left.get(link) ?? count
    if (room < 0) return
    forward(bytes.subarray(0, room))
    left.set(link, room - bytes.length)
    if (room > bytes.length) return
    left.set(link, -1)
    // Later, so that the written bytes are sent first.
    setTimeout(() => then(link), 5)
  }
}

export const fin = (link: Link) => {
  link.client.end()
  link.server.destroy()
}

export const reset = (link: Link) => {
  link.client.resetAndDestroy()
  link.server.destroy()
}
