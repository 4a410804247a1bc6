import type { ServerJson } from '../../api/fleet.ts'
import { part } from '../dom.ts'
import { bytes, count, counted, duration, percent } from '../format.ts'
import { Chart } from './chart.ts'
import { History } from './history.ts'
import type { FleetState } from './verdict.ts'

const perSecond = (value: number) => `${count(value)}/s`

/** One memcached: whether it answers, how full it is, what it did in the last minutes. */
export class ServerCard {
  readonly #part = part('server-card')
  readonly #history = new History()
  readonly #hitRate = new Chart('Hit rate', { top: 1, format: percent })
  readonly #lookups = new Chart('Look-ups', { format: perSecond })
  readonly #evictions = new Chart('Evictions', { format: perSecond })

  constructor(server: string) {
    this.#part.slot('server').textContent = server === 'memory' ? 'Embedded engine' : server
    this.#part.slot('charts').append(this.#hitRate.root, this.#lookups.root, this.#evictions.root)
  }

  get root(): HTMLElement {
    return this.#part.root
  }

  /** @param fleet How all of them together fare: a server that others stand in for is no alarm. */
  show(stats: ServerJson, now: number, fleet: FleetState): void {
    this.#history.add(stats, now)
    this.root.dataset.fleet = fleet
    this.#part.slot('pill').dataset.state = stats.up ? 'up' : fleet
    this.#part.slot('state').textContent = stats.up ? 'Connected' : 'Down'
    const error = this.#part.slot('error')
    error.hidden = stats.up || stats.error === undefined
    error.textContent = stats.error ?? ''
    this.#showMemory(stats)
    this.#hitRate.show(this.#history.hitRate, now)
    this.#lookups.show(this.#history.lookups, now)
    this.#evictions.show(this.#history.evictions, now)
    this.#part.slot('facts').textContent = facts(stats)
  }

  /** Shows that its state is not known any more. */
  showUnknown(): void {
    this.#part.slot('pill').dataset.state = 'unknown'
    this.#part.slot('state').textContent = 'No news'
  }

  #showMemory({ bytes: used, limitBytes }: ServerJson): void {
    const share = used === undefined || !limitBytes ? undefined : used / limitBytes
    this.#part.slot('memory').textContent =
      share === undefined ? '–' : `${bytes(used!)} of ${bytes(limitBytes!)}, ${percent(share)}`
    this.#part.slot('bar').style.inlineSize = `${Math.min(1, share ?? 0) * 100}%`
  }
}

function facts(stats: ServerJson): string {
  const { hits, misses, items, evictions, connections, uptimeSeconds, latencySeconds } = stats
  const { version, protocol, lacks, advice = [] } = stats
  const lookups = hits === undefined || misses === undefined ? 0 : hits + misses
  return [
    items !== undefined && counted(items, 'item'),
    evictions !== undefined && `${counted(evictions, 'eviction')} in all`,
    lookups > 0 && `hit rate ${percent(hits! / lookups)} in all`,
    connections !== undefined && counted(connections, 'connection'),
    latencySeconds !== undefined && `answers in ${(latencySeconds * 1000).toFixed(1)} ms`,
    uptimeSeconds !== undefined && `up ${duration(uptimeSeconds)}`,
    version !== undefined && `memcached ${version}`,
    protocol !== undefined && `${protocol} protocol`,
    lacks !== undefined && `does without ${lacks.join(', ')}`,
    ...advice,
  ]
    .filter(Boolean)
    .join(' · ')
}
