import type { FleetJson } from '../../api/fleet.ts'
import { FLEET } from '../../api/paths.ts'
import { byId } from '../dom.ts'
import { RemoteError, request, urlAt } from '../server.ts'
import { onToken } from '../token.ts'
import { sumOf } from './fleet-sum.ts'
import { ServerCard } from './server-card.ts'
import { type FleetState, verdictOf } from './verdict.ts'

const POLL_MS = 2000
/** After a failure, so that a server that comes back is not flooded. */
const RETRY_MS = 5000

/** The panel of memcached servers: polls while the page is visible. */
export class FleetPanel {
  readonly #cards = new Map<string, ServerCard>()
  #timer: ReturnType<typeof setTimeout> | undefined
  #polling = false
  /** Whether the user entered no token: polling stops until there is one. */
  #declined = false
  #maxFileSize: number | undefined
  #servers: readonly string[] = []

  constructor() {
    document.addEventListener('visibilitychange', () => this.#poll())
    onToken(() => {
      this.#declined = false
      this.#poll()
    })
  }

  /** Bytes that a file may have; `undefined` until it is known. */
  get maxFileSize(): number | undefined {
    return this.#maxFileSize
  }

  /** The names of the servers, in the order of their positions. */
  get servers(): readonly string[] {
    return this.#servers
  }

  async #poll(): Promise<void> {
    clearTimeout(this.#timer)
    if (document.hidden || this.#polling || this.#declined) return
    this.#polling = true
    let pause = POLL_MS
    try {
      const report: FleetJson = await (await request(urlAt(FLEET))).json()
      this.#show(report)
    } catch (error) {
      pause = RETRY_MS
      this.#fail(error)
    }
    this.#polling = false
    this.#timer = setTimeout(() => this.#poll(), pause)
  }

  #show(report: FleetJson): void {
    const { servers, maxFileSize } = report
    const now = performance.now()
    const verdict = verdictOf(report)
    this.#maxFileSize = maxFileSize
    this.#servers = servers.map(({ server }) => server)
    const gone = new Set(this.#cards.keys())
    for (const stats of servers) {
      gone.delete(stats.server)
      this.#card(stats.server).show(stats, now, verdict.state)
    }
    for (const server of gone) {
      this.#cards.get(server)!.root.remove()
      this.#cards.delete(server)
    }
    pulse(verdict.state, verdict.text)
    say('fleet-note', verdict.note, verdict.state)
    say('fleet-sum', sumOf(report))
    byId('fleet-aside').textContent = 'the last five minutes'
  }

  #card(server: string): ServerCard {
    let card = this.#cards.get(server)
    if (card === undefined) {
      if (this.#cards.size === 0) byId('fleet').replaceChildren()
      card = new ServerCard(server)
      this.#cards.set(server, card)
      byId('fleet').append(card.root)
    }
    return card
  }

  #fail(error: unknown): void {
    this.#declined = error instanceof RemoteError && error.status === 401
    const text = error instanceof RemoteError ? error.message : String(error)
    pulse('down', this.#declined ? 'A token is needed' : text)
    byId('fleet-aside').textContent = ''
    say('fleet-note')
    for (const card of this.#cards.values()) card.showUnknown()
  }
}

function pulse(state: FleetState, text: string): void {
  byId('pulse').dataset.state = state
  byId('pulse-text').textContent = text
}

/** Shows the text in an element of the page, and hides that without one. */
function say(id: string, text = '', state: FleetState = 'up'): void {
  const place = byId(id)
  place.dataset.state = state
  place.hidden = text === ''
  // Screen readers are told of a text again whenever it is set.
  if (place.textContent !== text) place.textContent = text
}
