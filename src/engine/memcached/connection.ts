import type { Socket } from 'node:net'
import type { ConnectionOptions as TlsOptions } from 'node:tls'
import { TooLargeError } from '../../errors.ts'
import type { Address, Credentials } from './address.ts'
import { ConnectionError, fromSocketError } from './connection-error.ts'
import { Deadline } from './deadline.ts'
import { Fifo } from './fifo.ts'
import { shakeHands } from './handshake.ts'
import { ITEM_OVERHEAD } from './item-size.ts'
import type { Settings } from './options.ts'
import { Outgoing } from './outgoing.ts'
import { Receiver } from './receiver.ts'
import { type Allocate, opaqueOf, opcodeOf, type Request } from './request.ts'
import { type Response, violation } from './response.ts'
import { openSocket } from './transport.ts'

/** No answer has more parts; `stats` has the most, about a hundred. */
const MAX_PARTS = 10_000
/** More would not be faster, and only let more responses pile up. */
const MAX_IN_FLIGHT = 256

export interface ConnectionConfig {
  address: Address
  credentials: Credentials | undefined
  tls: TlsOptions | undefined
  settings: Settings
}

export interface ConnectionEvents {
  /** It can be used. */
  up(): void
  /** It is dead, once and for all. Called before any request is told. */
  down(error: ConnectionError): void
}

export interface Exchange {
  readonly request: Request
  /** Called once, or for `stats` once a part; that is marked with `quiet`, as memjs does. */
  readonly onResponse: ((response: Response) => void) & { quiet?: boolean }
  readonly onError: (error: Error) => void
}

/** An exchange under way. */
class Pending {
  readonly exchange: Exchange
  readonly opcode: number
  readonly opaque: number
  readonly allocate: Allocate | undefined
  /** Bytes to send. */
  readonly size: number
  readonly since = performance.now()
  parts = 0

  constructor(exchange: Exchange) {
    const { head, value, allocate } = exchange.request
    this.exchange = exchange
    this.allocate = allocate
    this.opcode = opcodeOf(head)
    this.opaque = opaqueOf(head)
    this.size = head.length + (value?.length ?? 0)
  }

  isAnsweredBy({ header }: Response): boolean {
    const more = this.exchange.onResponse.quiet && header.status === 0 && header.totalBodyLength > 0
    return !more
  }
}

/**
 * One TCP connection and everything that belongs to it, never used again once it has failed: what
 * it received, what it still has to send and whoever waits for an answer. So nothing can
 * leak into its successor. Requests are answered in the order in which they were sent.
 */
export class Connection {
  readonly #config: ConnectionConfig
  readonly #events: ConnectionEvents
  readonly #socket: Socket
  readonly #outgoing: Outgoing
  readonly #receiver: Receiver
  readonly #deadline: Deadline
  readonly #startedAt = performance.now()
  readonly #queue = new Fifo<Pending>()
  readonly #sent = new Fifo<Pending>()
  #queuedBytes = 0
  #inFlightBytes = 0
  #connected = false
  #ready = false
  #pumping = false
  #failed: ConnectionError | undefined
  /** When bytes came last, or the oldest request was sent, if that is later. */
  #progressAt = 0
  #maxItemSize: number

  constructor(config: ConnectionConfig, events: ConnectionEvents) {
    this.#config = config
    this.#events = events
    this.#maxItemSize = config.settings.maxItemSize
    this.#receiver = new Receiver({
      expected: () => this.#sent.first,
      maxValue: () => this.#maxItemSize,
      deliver: (response) => this.#deliver(response),
    })
    this.#deadline = new Deadline(
      () => this.#dueAt(),
      () => this.#expire(),
    )
    this.#socket = openSocket(config.address, config.tls, {
      open: () => this.#open(),
      buffer: () => this.#receiver.nextBuffer(),
      data: (length) => this.#receive(length),
      error: (error) => this.fail(fromSocketError(error, this.#connected)),
      end: () => this.fail(new ConnectionError('closed', 'memcached closed the connection')),
    })
    this.#outgoing = new Outgoing(this.#socket)
    this.#deadline.watch()
  }

  /** Requests that wait for an answer. */
  get load(): number {
    return this.#queue.length + this.#sent.length
  }

  /** The server's limit for an item as a whole; known once the connection is up. */
  get maxItemSize(): number | undefined {
    return this.#ready ? this.#maxItemSize : undefined
  }

  /** Resolves when the socket is gone. */
  get closed(): Promise<void> {
    if (this.#socket.closed) return Promise.resolve()
    return new Promise((resolve) => this.#socket.once('close', () => resolve()))
  }

  /** Sends a request as soon as there is room; exactly one of its callbacks will be called. */
  submit(exchange: Exchange): void {
    if (this.#failed) {
      exchange.onError(this.#failed)
      return
    }
    const pending = new Pending(exchange)
    const { maxQueuedRequests, maxQueuedBytes } = this.#config.settings
    if (
      this.#queue.length >= maxQueuedRequests ||
      (this.#queue.length > 0 && this.#queuedBytes + pending.size > maxQueuedBytes)
    ) {
      exchange.onError(new ConnectionError('overloaded', 'too many requests are waiting already'))
      return
    }
    this.#queue.push(pending)
    this.#queuedBytes += pending.size
    if (this.load === 1) this.#socket.ref()
    this.#pumpSoon()
  }

  /** Ends it at once; everything that waits is rejected with `error`. */
  fail(error: ConnectionError): void {
    if (this.#failed) return
    this.#failed = error
    this.#deadline.stop()
    this.#events.down(error)
    this.#socket.destroy()
    for (const waiting of [this.#sent, this.#queue]) {
      for (let next = waiting.shift(); next; next = waiting.shift()) next.exchange.onError(error)
    }
  }

  #open(): void {
    this.#connected = true
    shakeHands(this.#config.credentials, {
      ask: (exchange) => {
        this.#transmit(new Pending(exchange))
        this.#outgoing.flush()
      },
      done: (maxItemSize) => this.#up(maxItemSize),
      fail: (error) => this.fail(error),
    })
  }

  #up(maxItemSize: number | undefined): void {
    if (maxItemSize !== undefined) this.#maxItemSize = maxItemSize
    this.#ready = true
    this.#events.up()
    this.#pump()
    this.#rest()
  }

  /** Sends what is asked for in one turn of the event loop, by all who have their turn, in one go. */
  #pumpSoon(): void {
    if (this.#pumping || !this.#ready) return
    this.#pumping = true
    setImmediate(() => this.#pump())
  }

  #pump(): void {
    this.#pumping = false
    if (this.#failed || !this.#ready || this.#queue.length === 0) return
    for (let next = this.#queue.first; next && this.#hasRoomFor(next); next = this.#queue.first) {
      this.#queue.shift()
      this.#queuedBytes -= next.size
      if (this.#fits(next)) this.#transmit(next)
    }
    this.#outgoing.flush()
    this.#deadline.watch()
  }

  #hasRoomFor({ size }: Pending): boolean {
    const { length } = this.#sent
    if (length === 0) return true
    const { maxInFlightBytes } = this.#config.settings
    return length < MAX_IN_FLIGHT && this.#inFlightBytes + size <= maxInFlightBytes
  }

  /** Memcached deletes the old value when it refuses a new one, so that one is never sent. */
  #fits(pending: Pending): boolean {
    const { head, value } = pending.exchange.request
    if (value === undefined) return true
    const most = this.#maxItemSize - ITEM_OVERHEAD - head.readUInt16BE(2)
    if (value.length <= most) return true
    const error = new TooLargeError(`a value of ${value.length} bytes does not fit memcached`, {
      expected: `at most ${most} bytes`,
      actual: `${value.length} bytes`,
    })
    pending.exchange.onError(error)
    return false
  }

  #transmit(pending: Pending): void {
    // Whatever is sent after it is no progress.
    if (this.#sent.length === 0) this.#progressAt = performance.now()
    this.#sent.push(pending)
    this.#inFlightBytes += pending.size
    const { head, value } = pending.exchange.request
    this.#outgoing.add(head)
    if (value !== undefined) this.#outgoing.add(value)
  }

  #receive(length: number): void {
    if (this.#failed) return
    this.#progressAt = performance.now()
    try {
      this.#receiver.received(length)
    } catch (error) {
      if (!(error instanceof ConnectionError)) {
        this.fail(new ConnectionError('protocol', 'a response could not be handled', error))
        throw error
      }
      this.fail(error)
    }
    this.#pump()
    this.#rest()
  }

  #deliver(response: Response): void {
    const pending = this.#sent.first!
    if (pending.isAnsweredBy(response)) {
      this.#sent.shift()
      this.#inFlightBytes -= pending.size
    } else if (++pending.parts > MAX_PARTS) {
      throw violation('an answer without an end')
    }
    pending.exchange.onResponse(response)
  }

  /** An idle connection keeps no process alive. */
  #rest(): void {
    if (this.#failed || this.load > 0 || !this.#ready) return
    this.#deadline.stop()
    this.#socket.unref()
  }

  #dueAt(): number {
    const { connectTimeoutMs, timeoutMs, responseCapMs } = this.#config.settings
    if (!this.#ready) return this.#startedAt + connectTimeoutMs
    const oldest = this.#sent.first
    if (oldest === undefined) return Number.POSITIVE_INFINITY
    const queued = this.#queue.first
    return Math.min(
      this.#progressAt + timeoutMs,
      oldest.since + responseCapMs,
      queued === undefined ? Number.POSITIVE_INFINITY : queued.since + responseCapMs / 2,
    )
  }

  #expire(): void {
    const { connectTimeoutMs, timeoutMs, responseCapMs } = this.#config.settings
    const now = performance.now()
    if (!this.#ready) {
      const message = `no connection, or no answer on it, within ${connectTimeoutMs} ms`
      this.fail(new ConnectionError('connect-timeout', message))
    } else if (this.#progressAt + timeoutMs <= now) {
      this.fail(new ConnectionError('timeout', `nothing was received for ${timeoutMs} ms`))
    } else if (this.#sent.first!.since + responseCapMs <= now) {
      this.fail(new ConnectionError('timeout', `a response took longer than ${responseCapMs} ms`))
    } else {
      this.#giveUpQueued(now - responseCapMs / 2)
      this.#deadline.watch()
    }
  }

  #giveUpQueued(before: number): void {
    for (let next = this.#queue.first; next && next.since <= before; next = this.#queue.first) {
      this.#queue.shift()
      this.#queuedBytes -= next.size
      next.exchange.onError(new ConnectionError('overloaded', 'waited too long for its turn'))
    }
  }
}
