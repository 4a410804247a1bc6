/** What one client asked for and got; times are on the clock of `performance.now()`. */
export interface Operation {
  store: string
  kind: 'read' | 'write'
  name: string
  /** What was read or written, `undefined` for nothing; of a read that failed it means nothing. */
  value: string | undefined
  start: number
  end: number
  isOk: boolean
}

/**
 * The reads that break the guarantee of docs/design.md: what a read finds was written by a write that began
 * before the read ended, and no write that was acknowledged came after that one and before the read.
 * A write that failed may show, or not. A name leads to nothing at first.
 */
export function violations(history: readonly Operation[]): string[] {
  const names = new Set(history.map(({ name }) => name))
  return [...names].flatMap((name) => ofOneName(history.filter((each) => each.name === name)))
}

function ofOneName(history: readonly Operation[]): string[] {
  const first: Operation = {
    store: 'none',
    kind: 'write',
    name: '',
    value: undefined,
    start: Number.NEGATIVE_INFINITY,
    end: Number.NEGATIVE_INFINITY,
    isOk: true,
  }
  const writes = [first, ...history.filter(({ kind }) => kind === 'write')]
  const wrong: string[] = []
  for (const read of history) {
    if (read.kind !== 'read' || !read.isOk) continue
    const possible = writes.filter(
      (write) => write.start < read.end && !isOver(write, read, writes),
    )
    // What was seen of a write that failed may be lost again, and nothing older is shown instead.
    const mayBeLost = read.value === undefined && possible.some(({ isOk }) => !isOk)
    if (mayBeLost || possible.some(({ value }) => value === read.value)) continue
    wrong.push(explain(read, possible))
  }
  return wrong
}

/** Whether another write was acknowledged after that one, and before the read began. */
function isOver(write: Operation, read: Operation, writes: readonly Operation[]): boolean {
  return writes.some((later) => later.isOk && later.start > write.end && later.end < read.start)
}

function explain(read: Operation, possible: readonly Operation[]): string {
  const allowed = possible.map(({ value = 'nothing' }) => value).join(', ')
  const when = `${Math.round(read.start)}-${Math.round(read.end)}`
  return `${read.store} read ${read.value ?? 'nothing'} at ${when}, not one of: ${allowed}`
}
