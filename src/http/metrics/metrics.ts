import { collectDefaultMetrics, Registry } from 'prom-client'
import type { FileStore } from '../../index.ts'
import type { RequestObserver } from '../observe.ts'
import { operationMetrics, statsMetrics } from './engine.ts'
import { memoryMetrics } from './memory.ts'
import { recent } from './recent.ts'
import { requestMetrics } from './requests.ts'

export interface MetricsOptions {
  /** Tell about the process too: CPU, memory, event loop. For one that does nothing else. */
  process?: boolean
}

/** What an operator asks, in numbers, for one app over one store; nothing is shared between two. */
export class Metrics {
  readonly requests: RequestObserver
  readonly #registry = new Registry()

  constructor(store: FileStore, options: MetricsOptions = {}) {
    this.requests = requestMetrics(this.#registry)
    memoryMetrics(this.#registry, store)
    operationMetrics(this.#registry, store.engine)
    const stats = recent(() => store.engine.stats(), [], { maxAgeMs: 1000, patienceMs: 2000 })
    statsMetrics(this.#registry, stats)
    if (options.process) collectDefaultMetrics({ register: this.#registry })
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  /** All of them in the text format of Prometheus. */
  text(): Promise<string> {
    return this.#registry.metrics()
  }
}
