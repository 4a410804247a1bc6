import { Lacks } from './lacks.ts'
import type { MemcachedSettings } from './options.ts'
import { codecsOf, ProtocolChoice } from './protocol/choice.ts'
import type { Codec } from './protocol/protocol.ts'
import { type ServerSettings, SettingsAdvice } from './server-settings.ts'

/** Milliseconds for which a server that hangs up when it is asked for figures is not asked again. */
const SILENT_MS = 3_600_000

/** How to reach one memcached, and what all connections to it have found out about it. */
export class KnownServer {
  readonly settings: MemcachedSettings
  readonly protocols: ProtocolChoice
  readonly lacks: Lacks
  readonly advice: SettingsAdvice
  /** How often in a row it has ended a connection when it was asked for its settings. */
  #hangUps = 0
  /** Until when it is not asked for figures again, on the clock of `performance.now()`. */
  #silentUntil = 0

  /** @param codecs Default: those of the protocol in the settings. */
  constructor(
    settings: MemcachedSettings,
    lacks = new Lacks(),
    advice = new SettingsAdvice(),
    codecs: readonly (() => Codec)[] = codecsOf(settings.protocol),
  ) {
    this.settings = settings
    this.protocols = new ProtocolChoice(codecs)
    this.lacks = lacks
    this.advice = advice
  }

  /** Takes note of how the server was started, if it has told that. */
  learn(told: ServerSettings | undefined): void {
    if (told === undefined) this.lacks.add('settings')
    else {
      this.lacks.delete('settings')
      this.#hangUps = 0
    }
    this.advice.learn(told)
  }

  /** Tells that a connection which was up is lost: the next one may lead to another server. */
  lost(): void {
    this.#hangUps = 0
    if (performance.now() >= this.#silentUntil) this.lacks.delete('stats')
    this.protocols.lost()
  }

  /**
   * Tells that it has ended a connection when it was asked for its settings. Proxies do, which speak nothing but
   * text; any other server may have been stopped just then, and is asked once more.
   */
  hungUpOnSettings({ name }: Codec): void {
    if (++this.#hangUps < 2 && name !== 'text') return
    this.lacks.add('stats')
    this.#silentUntil = performance.now() + SILENT_MS
  }
}
