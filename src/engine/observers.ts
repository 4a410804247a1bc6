import { DamagedError, type EngineObserver, type Operation, type Outcome } from './engine.ts'

/** Those that an engine tells of what it does. */
export class Observers {
  readonly #all: EngineObserver[] = []

  add(observer: EngineObserver): void {
    this.#all.push(observer)
  }

  connection(server: string, state: 'up' | 'down', error?: Error): void {
    for (const observer of this.#all) observer.connection?.(server, state, error)
  }

  /** Does `work`, and tells what came of it and how long it took; measures nothing for nobody. */
  async operation<R>(server: string, operation: Operation, work: () => Promise<R>): Promise<R> {
    if (this.#all.length === 0) return work()
    const start = performance.now()
    let outcome: Outcome = 'failed'
    try {
      const result = await work()
      outcome = result === undefined || result === false || result === 0 ? 'absent' : 'ok'
      return result
    } catch (error) {
      if (error instanceof DamagedError) outcome = 'damaged'
      throw error
    } finally {
      const seconds = (performance.now() - start) / 1000
      for (const observer of this.#all) observer.operation?.(server, operation, outcome, seconds)
    }
  }
}
