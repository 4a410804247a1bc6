import type { Credentials } from '../address.ts'

/** `gets` is a `get` whose reply has the CAS too. */
export type Verb = 'get' | 'gets' | 'set' | 'add' | 'touch' | 'delete' | 'noop' | 'stats' | 'auth'

/** One thing to ask of memcached, in no protocol's terms. */
export interface Request {
  readonly verb: Verb
  /** The item's. For `stats`, what they are about: `items`, `slabs`, `settings`, or nothing. */
  readonly key?: string
  /** For `set` and `add`. Sent as it is; the caller leaves it alone until the reply has come. */
  readonly value?: Buffer
  /** For `set`, `add` and `touch`: 0 for no limit, seconds up to 30 days, Unix time beyond that. */
  readonly exptime?: number
  /** For `set` and `delete`: change nothing but the version of the item that has this CAS. */
  readonly cas?: bigint
  /** For `get` and `gets`: where the value is received. Default: new memory. */
  readonly allocate?: Allocate | undefined
  /** For `auth`. */
  readonly credentials?: Credentials
}

/** Returns memory for a value of `size` bytes. */
export type Allocate = (size: number) => Buffer

export type Status =
  /** Done: stored, found, deleted, touched, accepted. */
  | 'ok'
  | 'not-found'
  /** There is such a key already, or the item has another CAS. */
  | 'exists'
  | 'too-large'
  | 'out-of-memory'
  /** The credentials are wrong, or some are wanted. */
  | 'unauthorized'
  /** Any other failure. */
  | 'error'

/** What memcached answered to one request, in no protocol's terms. */
export interface Reply {
  readonly status: Status
  /** What memcached says about a status other than `ok`. */
  readonly text?: string
  /**
   * For `get` and `gets`. In memory that `allocate` gave, if there was one; nothing else refers to
   * it.
   */
  readonly value?: Buffer
  /**
   * For `gets`; 0 or missing when memcached counts no versions or the protocol does not show them.
   */
  readonly cas?: bigint
  /** For `stats`, by name. */
  readonly figures?: ReadonlyMap<string, string>
}

/** What `Codec.parse` has read. */
export interface Head {
  /** Its length in bytes. */
  readonly length: number
  /** The memory that the bytes after the head belong in, until it is full. */
  readonly value: Buffer | undefined
  /** Answers the request, once `value` is full. Without one, another head follows. */
  readonly reply: Reply | undefined
}

export interface ByteSink {
  /** Takes the bytes that are sent next. They are not changed until the reply has come. */
  add(bytes: Buffer): void
}

/**
 * One protocol on one connection. Requests are encoded in the order in which they are sent and
 * answered in the same order; the codec keeps what it needs to match the two.
 */
export interface Codec {
  /** Requests that the protocol has no words for; `encode` is never called with one. */
  readonly lacks: ReadonlySet<Verb>
  /** No head is longer, in bytes. */
  readonly maxHeadLength: number

  /** Hands the bytes of `request` to `sink`, in order; the value as it is, without a copy. */
  encode(request: Request, sink: ByteSink): void

  /**
   * Reads one head at `start` of `bytes`: everything up to a value, or up to the end of the reply.
   * Believes nothing: the head must answer `request`, and its lengths must be possible. Large
   * memory is allocated after that check only. `bytes` are used again after the call.
   * @param request The oldest request without a reply.
   * @param maxValue The largest value that a get may bring now, in bytes.
   * @returns `undefined` when the head is not complete; it is called again with more bytes then.
   * @throws {ConnectionError} `protocol`, which ends the connection.
   */
  parse(bytes: Buffer, start: number, request: Request, maxValue: number): Head | undefined
}
