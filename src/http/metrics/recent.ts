export interface RecentOptions {
  maxAgeMs: number
  /** How long a caller waits for an answer before it gets the one before. */
  patienceMs: number
}

/** What `ask` resolved with, asked anew when that is older than `maxAgeMs`, by one at a time. */
export function recent<T>(
  ask: () => Promise<T>,
  none: T,
  options: RecentOptions,
): () => Promise<T> {
  let askedAt = Number.NEGATIVE_INFINITY
  let underWay = false
  let answer: Promise<T> = Promise.resolve(none)
  return () => {
    if (!underWay && performance.now() - askedAt >= options.maxAgeMs) {
      askedAt = performance.now()
      underWay = true
      answer = ask().finally(() => {
        underWay = false
      })
    }
    return withPatience(answer, none, options.patienceMs)
  }
}

async function withPatience<T>(answer: Promise<T>, none: T, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<T>((resolve) => {
    timer = setTimeout(() => resolve(none), ms)
  })
  try {
    return await Promise.race([answer, late])
  } finally {
    clearTimeout(timer)
  }
}
