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
  if (down === 0)
    return { state: 'up', text: isEmbedded(servers) ? 'Embedded engine' : `${named(all)} up` }
  const text = all === 1 ? 'Memcached is down' : `${down} of ${named(all)} down`
  if (down === all) {
    return {
      state: 'down',
      text,
      note: 'No file can be read or stored until memcached answers again.',
    }
  }
  if (down < copies) {
    const note = `Every file can still be read, and new ones can be stored, since each is kept in ${counted(copies, 'copy', 'copies')}. What is stored meanwhile is copied to the server when it is back.`
    return { state: 'degraded', text, note }
  }
  const files = copies === 1 ? 'Files' : 'Files with no other copy'
  const note = `${files} on ${down === 1 ? 'that server' : 'those servers'} cannot be read until it answers again; all others can.`
  return {
    state: 'down',
    text,
    note: down === 1 ? note : note.replace('it answers', 'one answers'),
  }
}

export function isEmbedded(servers: readonly ServerJson[]): boolean {
  return servers.length === 1 && servers[0]!.server === 'memory'
}

function named(servers: number): string {
  return counted(servers, 'memcached server')
}
