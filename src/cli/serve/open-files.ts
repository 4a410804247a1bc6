import { readFileSync } from 'node:fs'

/** Files that a process needs beside clients' connections: those to memcached, threads, its program, pipes. */
const OTHERS = 128

/**
 * Returns how many connections a process may serve so that twice as many, which it accepts, fit `ulimit -n`;
 * `max` where that is less, or the limit is not known.
 */
export function fitConnections(max: number, openFiles = maxOpenFiles()): number {
  return Math.min(max, Math.max(1, Math.floor((openFiles - OTHERS) / 2)))
}

/** Linux tells; Node.js has raised the soft limit to the hard one. */
export function maxOpenFiles(): number {
  try {
    const [, limit] =
      /^Max open files +(\d+) /m.exec(readFileSync('/proc/self/limits', 'latin1')) ?? []
    return limit === undefined ? Number.POSITIVE_INFINITY : Number(limit)
  } catch {
    return Number.POSITIVE_INFINITY
  }
}
