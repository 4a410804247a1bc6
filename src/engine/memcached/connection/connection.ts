import type { Socket } from 'node:net'
import { TooLargeError } from '../../../errors.ts'
import { ConnectionError, fromSocketError } from '../connection-error.ts'
import type { MemcachedSettings } from '../options.ts'
import type { Codec, Reply, Request } from '../protocol/protocol.ts'
import { hindranceOf, maxValueSize, type ServerSettings } from '../server-settings.ts'
import { Deadline } from './deadline.ts'
import { Fifo } from './fifo.ts'
import { askSettings, greet } from './handshake.ts'
import { Outgoing } from './outgoing.ts'
import { Receiver } from './receiver.ts'
import { openSocket } from './transport.ts'

/** Requests under way at most. With more memcached is no faster, and replies pile up. */
const MAX_IN_FLIGHT = 256
/** Bytes of a request beside its key and value, about. */
const REQUEST_OVERHEAD = 32

export interface ConnectionEvents {
  /** It can be used. */
  up(): void
  /**
   * It has failed and will not be used again. Called before any request is rejected. Returns what
   * to reject them with, or a connection to use instead for those that were not sent.
   */
  down(error: ConnectionError): ConnectionError | Connection
}

/** `understood`: the server speaks the protocol of the codec. `up`: it is used. */
export type Stage = 'connecting' | 'open' | 'understood' | 'up'

/** What is known of a server when a connection to it begins. */
export interface ConnectionStart {
  readonly settings: MemcachedSettings
  readonly codec: Codec
  /** Whether it can be asked for its settings. */
  readonly tellsSettings: boolean
  /** On the clock of `performance.now()`; earlier than now if others were tried before. */
  readonly startedAt: number
}

/**
 * A request that waits for its turn, or for its reply; one of `answer` and `fail` is called, once.
 */
class Pending {
  readonly request: Request
  readonly answer: (reply: Reply) => void
  readonly fail: (error: Error) => void
  /** Bytes to send, about. */
  readonly size: number
  readonly since = performance.now()

  constructor(request: Request, answer: Pending['answer'], fail: Pending['fail']) {
    const { key, value } = request
    this.request = request
    this.answer = answer
    this.fail = fail
    this.size = REQUEST_OVERHEAD + (key?.length ?? 0) + (value?.length ?? 0)
  }
}

/**
 * One TCP connection and everything that belongs to it: what it received, what it still has to send
 * and the requests that wait. Once it has failed it is never used again, so that nothing leaks into
 * its successor. Requests are answered in the order in which they were sent.
 */
export class Connection {
  /** What the owner of the connection has learned of memcached's time. */
  clock: { readonly now: number } | undefined
  readonly #settings: MemcachedSettings
  readonly #codec: Codec
  readonly #events: ConnectionEvents
  readonly #socket: Socket
  readonly #outgoing: Outgoing
  readonly #receiver: Receiver
  readonly #deadline: Deadline
  readonly #tellsSettings: boolean
  readonly #startedAt: number
  readonly #queue = new Fifo<Pending>()
  readonly #sent = new Fifo<Pending>()
  #queuedBytes = 0
  #inFlightBytes = 0
  #connected = false
  #understood = false
  #ready = false
  #pumping = false
  #failed: ConnectionError | undefined
  /** When the last bytes came, or when the oldest request was sent, if that is later. */
  #progressAt = 0
  #maxItemSize: number
  #told: ServerSettings | undefined

  constructor(
    { settings, codec, tellsSettings, startedAt }: ConnectionStart,
    events: ConnectionEvents,
  ) {
    this.#settings = settings
    this.#codec = codec
    this.#tellsSettings = tellsSettings
    this.#startedAt = startedAt
    this.#events = events
    this.#maxItemSize = settings.maxItemSize
    this.#receiver = new Receiver(codec, {
      oldest: () => this.#sent.first?.request,
      maxValue: () => this.#maxItemSize,
      answered: (reply) => this.#answered(reply),
    })
    this.#deadline = new Deadline(
      () => this.#dueAt(),
      () => this.#expire(),
    )
    this.#socket = openSocket(settings, {
      open: () => this.#open(),
      buffer: () => this.#receiver.nextBuffer(),
      data: (length) => this.#receive(length),
      error: (error) => this.fail(fromSocketError(error, this.#connected)),
      end: () => this.fail(new ConnectionError('closed', 'memcached closed the connection')),
    })
    this.#outgoing = new Outgoing(this.#socket)
    this.#deadline.watch()
  }

  /** How far it has come, or had come when it failed. */
  get stage(): Stage {
    if (this.#ready) return 'up'
    if (this.#understood) return 'understood'
    return this.#connected ? 'open' : 'connecting'
  }

  /** How the server was started, if it has told that. */
  get told(): ServerSettings | undefined {
    return this.#told
  }

  /** Requests without a reply. */
  get load(): number {
    return this.#queue.length + this.#sent.length
  }

  /**
   * Returns the largest value under a key of `keyLength` bytes; known once the connection is up.
   */
  maxValueSize(keyLength: number): number | undefined {
    return this.#ready ? maxValueSize(this.#maxItemSize, keyLength) : undefined
  }

  /** Resolves when the socket is gone. */
  get closed(): Promise<void> {
    if (this.#socket.closed) return Promise.resolve()
    return new Promise((resolve) => this.#socket.once('close', () => resolve()))
  }

  /**
   * Sends a request as soon as there is room, and resolves with what `read` makes of the reply;
   * `read` may throw.
   * @throws {ConnectionError | TooLargeError}
   */
  ask<R>(request: Request, read: (reply: Reply) => R): Promise<R> {
    return new Promise((resolve, reject) => {
      const answer = (reply: Reply) => {
        try {
          resolve(read(reply))
        } catch (error) {
          reject(error)
        }
      }
      this.#submit(new Pending(request, answer, reject))
    })
  }

  /**
   * Ends the connection at once. Every request is rejected with `error`, unless it was not sent and
   * there is a connection to use instead.
   */
  fail(error: ConnectionError): void {
    if (this.#failed) return
    this.#failed = error
    this.#deadline.stop()
    const instead = this.#events.down(error)
    if (instead instanceof ConnectionError) this.#failed = instead
    this.#socket.destroy()
    for (let next = this.#sent.shift(); next; next = this.#sent.shift()) next.fail(this.#failed)
    for (let next = this.#queue.shift(); next; next = this.#queue.shift()) {
      if (instead instanceof Connection) instead.#submit(next)
      else next.fail(instead)
    }
  }

  #submit(pending: Pending): void {
    const { maxQueuedRequests, maxQueuedBytes } = this.#settings
    if (this.#failed) {
      pending.fail(this.#failed)
    } else if (this.#codec.lacks.has(pending.request.verb)) {
      const message = `the protocol has no ${pending.request.verb}`
      pending.fail(new ConnectionError('unsupported', message))
    } else if (
      this.#queue.length >= maxQueuedRequests ||
      (this.#queue.length > 0 && this.#queuedBytes + pending.size > maxQueuedBytes)
    ) {
      pending.fail(new ConnectionError('overloaded', 'too many requests are waiting already'))
    } else {
      this.#queue.push(pending)
      this.#queuedBytes += pending.size
      if (this.load === 1) this.#socket.ref()
      this.#pumpSoon()
    }
  }

  #open(): void {
    this.#connected = true
    const ask = (request: Request) =>
      new Promise<Reply>((resolve, reject) => {
        this.#transmit(new Pending(request, resolve, reject))
        this.#outgoing.flush()
      })
    this.#shakeHands(ask).then(
      (told) => this.#up(told),
      (error) => this.fail(error),
    )
  }

  async #shakeHands(
    ask: (request: Request) => Promise<Reply>,
  ): Promise<ServerSettings | undefined> {
    await greet(this.#codec, this.#settings.credentials, ask)
    this.#understood = this.#codec.hello.length > 0
    return this.#tellsSettings ? askSettings(ask) : undefined
  }

  #up(told: ServerSettings | undefined): void {
    if (this.#failed) return
    this.#understood = true
    this.#told = told
    const hindrance = told && hindranceOf(told)
    if (hindrance !== undefined) {
      this.fail(new ConnectionError('connect-failed', hindrance))
      return
    }
    if (told !== undefined) this.#maxItemSize = told.maxItemSize
    this.#ready = true
    this.#events.up()
    this.#pump()
    this.#rest()
  }

  /** Sends all that is asked for within one turn of the event loop together. */
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
    return length < MAX_IN_FLIGHT && this.#inFlightBytes + size <= this.#settings.maxInFlightBytes
  }

  /**
   * Rejects a value that is too large; it is not sent, since memcached would delete the old one.
   */
  #fits({ request: { key = '', value }, fail }: Pending): boolean {
    const most = maxValueSize(this.#maxItemSize, key.length)
    if (value === undefined || value.length <= most) return true
    const message = `a value of ${value.length} bytes does not fit memcached: raise its item size (-I), or make chunks smaller`
    const error = new TooLargeError(message, {
      expected: `at most ${most} bytes`,
      actual: `${value.length} bytes`,
    })
    fail(error)
    return false
  }

  #transmit(pending: Pending): void {
    // What is sent after the oldest request is no progress.
    if (this.#sent.length === 0) this.#progressAt = performance.now()
    this.#sent.push(pending)
    this.#inFlightBytes += pending.size
    this.#codec.encode(pending.request, this.#outgoing)
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

  #answered(reply: Reply): void {
    const pending = this.#sent.shift()!
    this.#inFlightBytes -= pending.size
    if (reply.status === 'too-large') this.#learnMaxItemSize(pending.request)
    pending.answer(reply)
  }

  /** A refusal deletes the old value, so nothing as large is sent over this connection again. */
  #learnMaxItemSize({ key = '', value }: Request): void {
    if (value === undefined || this.#told !== undefined) return
    const overhead = this.#maxItemSize - maxValueSize(this.#maxItemSize, key.length)
    this.#maxItemSize = Math.min(this.#maxItemSize, value.length - 1 + overhead)
  }

  /** Lets the process exit while nothing is asked. */
  #rest(): void {
    if (this.#failed || this.load > 0 || !this.#ready) return
    this.#deadline.stop()
    this.#socket.unref()
  }

  #dueAt(): number {
    const { connectTimeoutMs, timeoutMs, responseCapMs } = this.#settings
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
    const { connectTimeoutMs, timeoutMs, responseCapMs } = this.#settings
    const now = performance.now()
    if (!this.#ready) {
      const what = this.#connected ? 'no answer on the connection' : 'no connection'
      const message = `${what} within ${connectTimeoutMs} ms`
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
      next.fail(new ConnectionError('overloaded', 'waited too long for its turn'))
    }
  }
}
