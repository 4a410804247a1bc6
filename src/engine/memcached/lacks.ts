/** What a server or proxy may be unable to do, and what is done without it. */
const WITHOUT = {
  settings: 'the largest item is not told: it is learnt from refusals (-I)',
  stats: 'there are no figures, and no memory is moved between sizes',
  cas: 'a chunk that is wrong is left where it is, and a write that is late may undo a newer one',
  touch: 'a read stands for a touch: times to live are not extended',
  crawler: 'the oldest items are not listed: only empty pages are moved between sizes',
  slabs: 'no memory is moved between sizes',
}
export type Ability = keyof typeof WITHOUT

/** What one server cannot do, as found out while it is used. */
export class Lacks {
  readonly #all = new Set<Ability>()
  readonly #told = new Set<Ability>()
  readonly #tell: (ability: Ability, without: string) => void

  /** @param tell Called once for each. */
  constructor(tell: (ability: Ability, without: string) => void = () => {}) {
    this.#tell = tell
  }

  has(ability: Ability): boolean {
    return this.#all.has(ability)
  }

  /** @param answer What the server said, if it said something. */
  add(ability: Ability, answer?: string): void {
    if (this.#all.has(ability)) return
    this.#all.add(ability)
    if (this.#told.has(ability)) return
    this.#told.add(ability)
    this.#tell(ability, WITHOUT[ability] + (answer === undefined ? '' : ` (${answer})`))
  }

  /** Takes back what may have changed since; it is not told again. */
  delete(ability: Ability): void {
    this.#all.delete(ability)
  }

  get list(): Ability[] {
    return [...this.#all].sort()
  }
}
