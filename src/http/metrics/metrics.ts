import { AggregatorRegistry, collectDefaultMetrics, Registry } from 'prom-client'
import type { FileStore } from '../../index.ts'
import type { Origin } from '../../origin/index.ts'
import type { RequestObserver } from '../exchange/exchange.ts'
import { operationMetrics, statsMetrics } from './engine.ts'
import { memoryMetrics } from './memory.ts'
import { originMetrics } from './origin.ts'
import { recent } from './recent.ts'
import { requestMetrics } from './requests.ts'
import { storeMetrics } from './store.ts'

export interface MetricsOptions {
  /** Tell about the process too: CPU, memory, event loop. For one that does nothing else. */
  process?: boolean | undefined
  /** The other processes that answer at the same port; the one that is asked tells of them all. */
  exchange?: MetricsExchange | undefined
}

/** The metrics of one process, to be added to those of others. */
export type MetricsSnapshot = object[]

export interface MetricsExchange {
  /** Takes what tells this process's own metrics. */
  share(own: () => Promise<MetricsSnapshot>): void
  /** Those of the others, as far as they answer. */
  others(): Promise<MetricsSnapshot[]>
}

/** What an operator asks, in numbers, for one app over one store; nothing is shared between two. */
export class Metrics {
  readonly requests: RequestObserver
  readonly #registry = new Registry()
  readonly #exchange: MetricsExchange | undefined

  /** @param origin Where files come from that the store does not have. */
  constructor(store: FileStore, origin: Origin | undefined, options: MetricsOptions = {}) {
    this.requests = requestMetrics(this.#registry)
    memoryMetrics(this.#registry, store)
    storeMetrics(this.#registry, store)
    if (origin) originMetrics(this.#registry, origin)
    operationMetrics(this.#registry, store.engine)
    const stats = recent(() => store.engine.stats(), [], { maxAgeMs: 1000, patienceMs: 2000 })
    statsMetrics(this.#registry, stats)
    if (options.process) collectDefaultMetrics({ register: this.#registry })
    this.#exchange = options.exchange
    this.#exchange?.share(() => this.#registry.getMetricsAsJSON())
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  /** All of them in the text format of Prometheus. */
  async text(): Promise<string> {
    if (this.#exchange === undefined) return this.#registry.metrics()
    const own = this.#registry.getMetricsAsJSON()
    const all = await Promise.all([own, this.#exchange.others()])
    return AggregatorRegistry.aggregate([all[0], ...all[1]]).metrics()
  }
}
