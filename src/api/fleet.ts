import { count, listOf, number, object, positive, text } from './schema.ts'

/** One backend server; a figure that it does not tell is left out. */
export interface ServerJson {
  /** `memory`, or the server's address without credentials. */
  server: string
  up: boolean
  version?: string
  items?: number
  bytes?: number
  limitBytes?: number
  evictions?: number
  movedPages?: number
  hits?: number
  misses?: number
  connections?: number
  uptimeSeconds?: number
  latencySeconds?: number
  /** From 0 to 1. */
  weightShare?: number
  /** From 0 to 1. */
  loadShare?: number
  usualSeconds?: number
  missedCopies?: number
  repairedCopies?: number
  /** Why it is not up. */
  error?: string
}

/** Bytes that requests hold in the server's process, and requests that wait for some. */
export interface MemoryJson {
  used: number
  total: number
  waiting: number
}

/** The answer of `GET /fleet`. */
export interface FleetJson {
  /** When the servers were asked, ISO 8601. */
  at: string
  servers: ServerJson[]
  memory: MemoryJson
  chunkSize: number
  /** Bytes; left out while no server tells. */
  maxFileSize?: number
}

const { server, up, ...figures } = {
  server: text,
  up: { type: 'boolean' },
  version: text,
  items: count,
  bytes: count,
  limitBytes: count,
  evictions: count,
  movedPages: count,
  hits: count,
  misses: count,
  connections: count,
  uptimeSeconds: number,
  latencySeconds: number,
  weightShare: number,
  loadShare: number,
  usualSeconds: number,
  missedCopies: count,
  repairedCopies: count,
  error: text,
}

const serverSchema = object<ServerJson>(
  { server, up, ...figures },
  Object.keys(figures) as (keyof typeof figures)[],
)

export const fleetSchema = object<FleetJson>(
  {
    at: { ...text, format: 'date-time' },
    servers: listOf(serverSchema),
    memory: object<MemoryJson>({ used: count, total: count, waiting: count }),
    chunkSize: positive,
    maxFileSize: count,
  },
  ['maxFileSize'],
)
