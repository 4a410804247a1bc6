/** A section of docs/benchmarks.md. */
export interface Section {
  title: string
  /** Markdown below the title. */
  text: string
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const rule = head.map((_, index) => (index === 0 ? '---' : '---:'))
  return [line(head), line(rule), ...rows.map(line)].join('\n')
}

/** What to measure, how long and how often. */
export interface Effort {
  seconds: number
  rounds: number
  sizes: readonly number[]
}
