import type { ConnectionError } from '../connection-error.ts'
import { BinaryCodec } from './binary.ts'
import { MetaCodec } from './meta.ts'
import type { Codec } from './protocol.ts'
import { TextCodec } from './text.ts'

export const PROTOCOLS = ['auto', 'binary', 'meta', 'text'] as const
/** `auto` finds out what a server speaks. */
export type Protocol = (typeof PROTOCOLS)[number]

const CODECS = {
  binary: () => new BinaryCodec(),
  meta: () => new MetaCodec(),
  text: () => new TextCodec(),
}

/** Returns what to try, the preferred one first. */
export function codecsOf(protocol: Protocol): (() => Codec)[] {
  return protocol === 'auto' ? Object.values(CODECS) : [CODECS[protocol]]
}

/** Failures of a known protocol, one after the other, after which others are tried. */
const MISUNDERSTANDINGS = 2

/**
 * Finds the protocol that one server speaks, for all connections to it. The codecs are tried in
 * turn, each on a connection of its own, until the server answers one. That is remembered until the
 * connection is lost; then those before it are tried again, since it may be another server.
 */
export class ProtocolChoice {
  readonly #codecs: readonly (() => Codec)[]
  /** The index of the codec that is known to be right, or is tried next. */
  #current = 0
  #isKnown = false
  /** How often the server did not understand the known one, in a row. */
  #misunderstandings = 0
  #name: string | undefined

  /** @param codecs The preferred one first. */
  constructor(codecs: readonly (() => Codec)[]) {
    this.#codecs = codecs
  }

  /** The protocol of the last connection that was up. */
  get name(): string | undefined {
    return this.#name
  }

  /** Returns the codec for a new connection. */
  create(): Codec {
    return this.#codecs[this.#current]!()
  }

  /** Tells that the server understood. */
  understood({ name }: Codec): void {
    this.#name = name
    this.#isKnown = name === this.create().name
    this.#misunderstandings = 0
  }

  /** Tells that a connection which was up is lost. */
  lost(): void {
    if (this.#current > 0) this.#startOver()
  }

  /**
   * Tells that a connection has failed before the server understood anything. Returns whether to
   * try another protocol at once.
   */
  failed(codec: Codec, { code }: ConnectionError): boolean {
    const isSilent = code === 'connect-timeout'
    if (this.#codecs.length === 1 || !(isSilent || MISUNDERSTOOD.has(code))) return false
    // Another connection has found out the same meanwhile.
    if (codec.name !== this.create().name) return !isSilent
    if (this.#isKnown) {
      // A known server that is silent hangs.
      if (isSilent || ++this.#misunderstandings < MISUNDERSTANDINGS) return false
      this.#startOver()
      if (codec.name !== this.create().name) return true
    }
    this.#current = (this.#current + 1) % this.#codecs.length
    return !isSilent && this.#current > 0
  }

  #startOver(): void {
    this.#current = 0
    this.#isKnown = false
    this.#misunderstandings = 0
  }
}

/** What a server does that does not understand: it answers something else, or hangs up. */
const MISUNDERSTOOD: ReadonlySet<string> = new Set(['closed', 'reset', 'protocol'])
