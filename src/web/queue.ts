/** Runs tasks in the order they come, so many at once; waiting ones cost nothing but their entry. */
export class Queue<T> {
  readonly #run: (task: T) => Promise<void>
  readonly #width: number
  readonly #onChange: () => void
  readonly #waiting: T[] = []
  #running = 0

  /** @param run Never rejects. @param onChange Told whenever a task has come, begun or ended. */
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

  /** Forgets what has not begun. */
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
