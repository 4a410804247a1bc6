import { InvalidArgumentError } from '../../errors.ts'

export interface FleetOptions {
  /** Servers that each key lives on, 1 to the number of servers. Default 1. */
  replicas?: number | undefined
  /**
   * Copies of a link that a write needs, 1 to `replicas` + 1; with fewer it rejects with `UnavailableError`.
   * Default: so many that the write stays, docs/design.md. With 1 writes go on while a single server
   * answers, and may be undone.
   */
  writeQuorum?: number | undefined
  /**
   * Bytes that are read of one place within about a minute until one more server shares in reading it;
   * with each doubling it is another one. 0 is never. Default 1 GiB.
   */
  sharedBytes?: number | undefined
  /**
   * Milliseconds after which a server that has not taken a write is passed over, unless the others take
   * long too. Default: the `timeoutMs` of its servers.
   */
  patienceMs?: number | undefined
}

/** @throws {InvalidArgumentError} */
export function checkReplicas(replicas: number, servers: readonly unknown[]): void {
  if (Number.isSafeInteger(replicas) && replicas >= 1 && replicas <= servers.length) return
  throw new InvalidArgumentError(
    `replicas is a whole number from 1 to the number of servers, ${servers.length}`,
    { expected: `1 to ${servers.length}`, actual: String(replicas) },
  )
}

/** @throws {InvalidArgumentError} */
export function checkWriteQuorum(writeQuorum: number | undefined, replicas: number): void {
  if (writeQuorum === undefined) return
  if (Number.isSafeInteger(writeQuorum) && writeQuorum >= 1 && writeQuorum <= replicas + 1) return
  throw new InvalidArgumentError('writeQuorum is a whole number from 1 to replicas + 1', {
    expected: `1 to ${replicas + 1}`,
    actual: String(writeQuorum),
  })
}
