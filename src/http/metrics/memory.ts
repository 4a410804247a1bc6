import { Gauge, type Registry } from 'prom-client'
import type { FileStore } from '../../index.ts'

/** The memory that all requests share. */
export function memoryMetrics(registry: Registry, store: FileStore): void {
  const registers = [registry]
  new Gauge({
    name: 'blobcached_memory_budget_used_bytes',
    help: 'How much of the memory budget do requests hold now?',
    registers,
    collect() {
      this.set(store.memoryUsage.used)
    },
  })
  new Gauge({
    name: 'blobcached_memory_budget_bytes',
    help: 'How large is the memory budget of all requests together?',
    registers,
    collect() {
      this.set(store.memoryUsage.total)
    },
  })
  new Gauge({
    name: 'blobcached_memory_budget_waiting',
    help: 'How many requests wait for others to give memory back? More than a few for long is overload.',
    registers,
    collect() {
      this.set(store.memoryUsage.waiting)
    },
  })
}
