import { randomBytes } from 'node:crypto'
import type { Engine, Versions } from '../../engine/engine.ts'
import { UnavailableError } from '../../errors.ts'

/** Seconds that a lease lives when its holder does not renew it: how long others wait for a dead process. */
const LEASE_TTL = 10
/** Milliseconds between renewals, so that two may fail before the lease is over. */
const RENEWAL_MS = 3000

/** Leases lie where links do, with a copy more than chunks, and are never copied from server to server. */
const PLACED = { extraCopy: true, ttl: LEASE_TTL }
const versions: Versions<boolean> = { of: () => 0, ttl: () => undefined }

/** The right to produce one file, for as long as it is renewed. */
export class FillLease {
  readonly #engine: Engine
  readonly #key: string
  /** Random, so that only the process which took the lease renews or releases it. */
  readonly #token: Buffer
  readonly #timer: NodeJS.Timeout
  #renewing = Promise.resolve()

  private constructor(engine: Engine, key: string, token: Buffer) {
    this.#engine = engine
    this.#key = key
    this.#token = token
    const renew = () => {
      this.#renewing = this.#renew().catch(() => {})
    }
    this.#timer = setInterval(renew, RENEWAL_MS).unref()
  }

  /** Takes the lease; resolves with `undefined` while another process has it. Rejects as `Engine.add` does. */
  static async take(engine: Engine, key: string): Promise<FillLease | undefined> {
    const token = randomBytes(16)
    const copies = await engine.add(key, token, PLACED)
    return copies === 0 ? undefined : new FillLease(engine, key, token)
  }

  /** Resolves with whether a process has the lease, or may have it where the engine does not answer. */
  static async isTaken(engine: Engine, key: string): Promise<boolean> {
    try {
      return (await engine.get<boolean>(key, () => true, { versions })) === true
    } catch (error) {
      if (error instanceof UnavailableError) return true
      throw error
    }
  }

  /** Ends the lease, so that waiting processes need not wait until it is over. Never rejects. */
  async release(): Promise<void> {
    clearInterval(this.#timer)
    await this.#renewing
    try {
      if ((await this.#isOurs()) === true) await this.#engine.delete(this.#key, PLACED)
    } catch {
      // It ends by itself.
    }
  }

  /** Takes it again if it was lost; leaves it alone if another process has it by now. */
  async #renew(): Promise<void> {
    const isOurs = await this.#isOurs()
    if (isOurs === true) await this.#engine.set(this.#key, this.#token, PLACED)
    else if (isOurs === undefined) await this.#engine.add(this.#key, this.#token, PLACED)
    else clearInterval(this.#timer)
  }

  /** `undefined` when there is no such lease. */
  #isOurs(): Promise<boolean | undefined> {
    return this.#engine.get<boolean>(this.#key, (value) => value.equals(this.#token), { versions })
  }
}
