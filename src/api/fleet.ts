import { amount, count, flag, listOf, object, positive, type TypeOf, text } from './schema.ts'

/** One backend server; a figure that it does not tell is left out. */
const serverSchema = object(
  {
    /** `memory`, or the server's address without credentials. */
    server: text,
    up: flag,
  },
  {
    version: text,
    items: count,
    bytes: count,
    limitBytes: count,
    evictions: count,
    movedPages: count,
    hits: count,
    misses: count,
    connections: count,
    uptimeSeconds: amount,
    latencySeconds: amount,
    usualSeconds: amount,
    /** From 0 to 1. */
    weightShare: amount,
    /** From 0 to 1. */
    loadShare: amount,
    missedCopies: count,
    repairedCopies: count,
    /** How it is spoken to: `binary`, `meta` or `text`. */
    protocol: text,
    /** What it cannot do and is done without. */
    lacks: listOf(text),
    /** How it should be started instead. */
    advice: listOf(text),
    /** Why it is not up. */
    error: text,
  },
)
export type ServerJson = TypeOf<typeof serverSchema>

/** The answer of `GET /fleet`. */
export const fleetSchema = object(
  {
    /** When the servers were asked. */
    at: { ...text, format: 'date-time' },
    servers: listOf(serverSchema),
    /** How many copies of a chunk there should be. */
    copies: positive,
    /** Bytes that requests hold in the server's process, and requests that wait for some. */
    memory: object({ used: count, total: count, waiting: count }),
    chunkSize: positive,
  },
  /** Left out while no server tells. */
  { maxFileSize: count },
)
export type FleetJson = TypeOf<typeof fleetSchema>
