import { Lacks } from './lacks.ts'
import type { MemcachedSettings } from './options.ts'
import { codecsOf, ProtocolChoice } from './protocol/choice.ts'
import type { Codec } from './protocol/protocol.ts'

/** How to reach one memcached, and what all connections to it have found out about it. */
export class KnownServer {
  readonly settings: MemcachedSettings
  readonly protocols: ProtocolChoice
  readonly lacks: Lacks
  #hangUps = 0

  /** @param codecs Default: those of the protocol in the settings. */
  constructor(
    settings: MemcachedSettings,
    lacks = new Lacks(),
    codecs: readonly (() => Codec)[] = codecsOf(settings.protocol),
  ) {
    this.settings = settings
    this.protocols = new ProtocolChoice(codecs)
    this.lacks = lacks
  }

  /** Tells that a connection which was up is lost: the next one may lead to another server. */
  lost(): void {
    this.#hangUps = 0
    this.lacks.delete('stats')
    this.protocols.lost()
  }

  /**
   * Tells that it has ended a connection when it was asked for its settings, as some proxies do.
   * From the second time on it is not asked.
   */
  hungUpOnSettings(): void {
    if (++this.#hangUps >= 2) this.lacks.add('stats')
  }
}
