/** Runs tasks in order, at most `width` at a time. */
export class Queue<T> {
  readonly #run: (task: T) => Promise<void>
  readonly #width: number
  readonly #onChange: () => void
  readonly #waiting: T[] = []
  #running = 0

  /** @param run Never rejects. @param onChange Called when a task is added, begins or ends. */
  constructor(width: number, run: (task: T) => Promise<void>, onChange: () => void) {
    this.#width = width
    this.#run = run
    this.#onChange = onChange
  }

  get waiting(): number {
    return this.#waiting.length
  }

  get running(): number {
    return this.#running
  }

  add(task: T): void {
    this.#waiting.push(task)
    this.#next()
  }

  /** Drops the tasks that have not begun. */
  clear(): void {
    this.#waiting.length = 0
    this.#onChange()
  }

  #next(): void {
    const task = this.#running < this.#width ? this.#waiting.shift() : undefined
    if (task !== undefined) {
      this.#running++
      this.#run(task).finally(() => {
        this.#running--
        this.#next()
      })
    }
    this.#onChange()
  }
}
