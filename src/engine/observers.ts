import { DamagedError, type EngineObserver, type Operation, type Outcome } from './engine.ts'

/** The observers of one engine. */
export class Observers {
  readonly #all: EngineObserver[] = []

  add(observer: EngineObserver): void {
    this.#all.push(observer)
  }

  connection(server: string, state: 'up' | 'down', error?: Error): void {
    for (const observer of this.#all) observer.connection?.(server, state, error)
  }

  lacks(server: string, ability: string, without: string): void {
    for (const observer of this.#all) observer.lacks?.(server, ability, without)
  }

  advice(server: string, advice: string): void {
    for (const observer of this.#all) observer.advice?.(server, advice)
  }

  /**
   * Does `work`, and tells the observers its outcome and how long it took.
   * @param explain Returns the error to reject with for the error that `work` failed with.
   */
  async operation<R>(
    server: string,
    operation: Operation,
    work: () => R | Promise<R>,
    explain: (error: unknown) => unknown = (error) => error,
  ): Promise<R> {
    const start = performance.now()
    try {
      const result = await work()
      this.succeeded(server, operation, result, start)
      return result
    } catch (error) {
      this.failed(server, operation, error, start)
      throw explain(error)
    }
  }

  /** @param start On the clock of `performance.now()`. */
  succeeded(server: string, operation: Operation, result: unknown, start: number): void {
    const isAbsent = result === undefined || result === false || result === 0
    this.#tell(server, operation, isAbsent ? 'absent' : 'ok', start)
  }

  failed(server: string, operation: Operation, error: unknown, start: number): void {
    this.#tell(server, operation, error instanceof DamagedError ? 'damaged' : 'failed', start)
  }

  #tell(server: string, operation: Operation, outcome: Outcome, start: number): void {
    const seconds = (performance.now() - start) / 1000
    for (const observer of this.#all) observer.operation?.(server, operation, outcome, seconds)
  }
}
