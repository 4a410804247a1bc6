import { Lacks } from './lacks.ts'
import type { MemcachedSettings } from './options.ts'
import { codecsOf, ProtocolChoice } from './protocol/choice.ts'
import type { Codec } from './protocol/protocol.ts'

/** How to reach one memcached, and what all connections to it have found out about it. */
export class KnownServer {
  readonly settings: MemcachedSettings
  readonly protocols: ProtocolChoice
  readonly lacks: Lacks
  /** Connections that it has ended when it was asked for its settings. */
  hangUpsOnSettings = 0

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
}
