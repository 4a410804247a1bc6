import type { EngineStats } from '../engine.ts'

const FIGURES = {
  items: 'curr_items',
  bytes: 'bytes',
  limitBytes: 'limit_maxbytes',
  evictions: 'evictions',
  movedPages: 'slabs_moved',
  hits: 'get_hits',
  misses: 'get_misses',
  connections: 'curr_connections',
  uptimeSeconds: 'uptime',
} as const

/** Picks what an operator needs from all that memcached tells; leaves out what is no number. */
export function toEngineStats(
  figures: ReadonlyMap<string, string>,
): Omit<EngineStats, 'server' | 'up'> {
  const stats: Omit<EngineStats, 'server' | 'up'> = {}
  const version = figures.get('version')
  if (version !== undefined) stats.version = version
  for (const [name, figure] of Object.entries(FIGURES) as [keyof typeof FIGURES, string][]) {
    const text = figures.get(figure)
    if (text !== undefined && /^\d+$/.test(text)) stats[name] = Number(text)
  }
  return stats
}
