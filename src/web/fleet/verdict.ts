import type { FleetJson, ServerJson } from '../../api/fleet.ts'
import { counted } from '../format.ts'

/** All answer, everything works though some do not, or something does not work. */
export type FleetState = 'up' | 'degraded' | 'down'

/** How a fleet fares as a whole. */
export interface Verdict {
  readonly state: FleetState
  /** In a few words. */
  readonly text: string
  /** What still works and what does not; `undefined` while all is well. */
  readonly note?: string
}

export function verdictOf({ servers, copies }: Pick<FleetJson, 'servers' | 'copies'>): Verdict {
  const all = servers.length
  const down = servers.filter(({ up }) => !up).length
  if (down === 0) {
    return { state: 'up', text: isEmbedded(servers) ? 'Embedded engine' : `${named(all)} up` }
  }
  return {
    state: down < copies && down < all ? 'degraded' : 'down',
    text: all === 1 ? 'Memcached is down' : `${down} of ${named(all)} down`,
    note: noteOf(all, down, copies),
  }
}

function noteOf(all: number, down: number, copies: number): string {
  if (down === all) return 'No file can be read or stored until memcached answers again.'
  if (down < copies) {
    return `Every file can still be read, and new ones can be stored, since each is kept in ${counted(copies, 'copy', 'copies')}. What is stored meanwhile is copied to the server when it is back.`
  }
  const files = copies === 1 ? 'Files' : 'Files with no other copy'
  const where = down === 1 ? 'that server' : 'those servers'
  return `${files} on ${where} cannot be read until ${down === 1 ? 'it' : 'one'} answers again; all others can.`
}

function isEmbedded(servers: readonly ServerJson[]): boolean {
  return servers.length === 1 && servers[0]!.server === 'memory'
}

function named(servers: number): string {
  return counted(servers, 'memcached server')
}
