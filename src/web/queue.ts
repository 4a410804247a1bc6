/** Runs tasks in the order they come, so many at once; waiting ones cost nothing but their entry. */
export class Queue<T> {
  readonly #run: (task: T) => Promise<void>
  readonly #width: number
  readonly #waiting: T[] = []
  #running = 0

  constructor(width: number, run: (task: T) => Promise<void>) {
    this.#width = width
    this.#run = run
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
  }

  #next(): void {
    if (this.#running >= this.#width) return
    const task = this.#waiting.shift()
    if (task === undefined) return
    this.#running++
    this.#run(task).finally(() => {
      this.#running--
      this.#next()
    })
  }
}
