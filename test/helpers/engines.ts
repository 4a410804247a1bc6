import test, { type ExecutionContext } from 'ava'
import {
  type Engine,
  FileStore,
  type FileStoreOptions,
  memcached,
  memory,
} from '../../src/index.ts'
import { Memcached, startMemcached } from './memcached.ts'

/** Reads and changes values without the store and, for memcached, without our client. */
interface Values {
  get(key: string): Promise<Buffer | undefined>
  set(key: string, value: Buffer): Promise<void>
  delete(key: string): Promise<boolean>
}

/** An engine for one test, with its own key prefix, and access to its values to damage them. */
export class Backend {
  readonly engine: Engine
  readonly keyPrefix: string
  readonly #values: Values
  readonly #t: ExecutionContext

  constructor(t: ExecutionContext, engine: Engine, values: Values, prefix: string) {
    this.engine = engine
    this.#values = values
    this.keyPrefix = prefix
    this.#t = t
  }

  /** Creates a store with small chunks and closes it after the test. */
  store({
    engine = this.engine,
    ...options
  }: FileStoreOptions & { engine?: Engine } = {}): FileStore {
    const store = new FileStore(engine, { chunkSize: 1000, keyPrefix: this.keyPrefix, ...options })
    this.#t.teardown(() => store.close())
    return store
  }

  /** @param key Without the test's prefix: `c:…`, `h:…`, `n:…`. */
  get(key: string): Promise<Buffer | undefined> {
    return this.#values.get(this.keyPrefix + key)
  }

  set(key: string, value: Buffer): Promise<void> {
    return this.#values.set(this.keyPrefix + key, value)
  }

  async delete(key: string): Promise<void> {
    this.#t.true(await this.#values.delete(this.keyPrefix + key), `${key} was there`)
  }

  async change(key: string, change: (value: Buffer) => Buffer): Promise<void> {
    const value = await this.get(key)
    if (value === undefined) throw new Error(`${key} is not there`)
    await this.set(key, change(value))
  }

  flip(key: string, bit: number): Promise<void> {
    return this.change(key, (value) => flipped(value, bit))
  }
}

/** Creates a store on three memcacheds of its own. */
export async function storeOnFleet(t: ExecutionContext): Promise<FileStore> {
  const caches = await Promise.all([1, 2, 3].map(() => startMemcached(t)))
  const addresses = caches.map(({ address }) => address).join(',')
  const store = new FileStore(memcached(addresses, { timeoutMs: 10_000, connectTimeoutMs: 10_000 }))
  t.teardown(() => store.close())
  return store
}

export function flipped(value: Buffer, bit: number): Buffer {
  const copy = Buffer.from(value)
  copy[bit >> 3]! ^= 1 << (bit & 7)
  return copy
}

let shared: Promise<Memcached> | undefined
let tests = 0

/** Declares a test twice: on the memory engine, and on a memcached shared by the tests of the file. */
export function onEveryEngine(
  title: string,
  run: (t: ExecutionContext, backend: Backend) => Promise<void>,
): void {
  test(`${title} (memory)`, async (t) => {
    const engine = memory()
    const values: Values = {
      get: (key) => engine.get(key, (value) => value),
      set: async (key, value) => void (await engine.set(key, value)),
      delete: (key) => engine.delete(key),
    }
    await run(t, new Backend(t, engine, values, `test-${++tests}/`))
  })
  test(`${title} (memcached)`, async (t) => {
    shared ??= Memcached.launch()
    const { address, raw } = await shared
    const engine = memcached(address, { timeoutMs: 10_000, connectTimeoutMs: 10_000 })
    t.teardown(() => engine.close())
    await run(t, new Backend(t, engine, raw, `test-${++tests}/`))
  })
}

test.after.always(async () => (await shared)?.dispose())
