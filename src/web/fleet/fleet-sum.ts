import type { FleetJson, ServerJson } from '../../api/fleet.ts'
import { bytes, counted, percent } from '../format.ts'

/** What several servers are together, in one line; empty for a single one. */
export function sumOf({ servers, copies }: Pick<FleetJson, 'servers' | 'copies'>): string {
  if (servers.length < 2) return ''
  const sum = (figure: (server: ServerJson) => number | undefined) =>
    servers.reduce((total, server) => total + (figure(server) ?? 0), 0)
  const limit = sum(({ limitBytes }) => limitBytes)
  const used = sum(({ bytes }) => bytes)
  const hits = sum(({ hits }) => hits)
  const lookups = hits + sum(({ misses }) => misses)
  return [
    counted(servers.length, 'server'),
    `${counted(copies, 'copy', 'copies')} of each file`,
    limit > 0 && `${bytes(used)} of ${bytes(limit)}, ${percent(used / limit)}`,
    counted(
      sum(({ items }) => items),
      'item',
    ),
    lookups > 0 && `hit rate ${percent(hits / lookups)}`,
    counted(
      sum(({ evictions }) => evictions),
      'eviction',
    ),
  ]
    .filter(Boolean)
    .join(' · ')
}
