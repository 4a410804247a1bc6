import type {
  Engine,
  EngineObserver,
  EngineStats,
  GetOptions,
  Proof,
  ServerEngine,
} from '../../src/engine/engine.ts'
import { deferred } from './deferred.ts'

type Get = <T>(key: string, prove: Proof<T>, options?: GetOptions) => Promise<T | undefined>

/**
 * Passes every call to `inner`, unless a test replaces the method:
 * `faulty.set = async () => { throw new UnavailableError('no') }`.
 */
export class FaultyEngine implements ServerEngine {
  readonly inner: Engine
  get: Get = (key, prove, options) => this.inner.get(key, prove, options)
  set: Engine['set'] = (key, value, options) => this.inner.set(key, value, options)
  add: Engine['add'] = (key, value, options) => this.inner.add(key, value, options)
  touch: Engine['touch'] = (key, ttl) => this.inner.touch(key, ttl)
  delete: Engine['delete'] = (key) => this.inner.delete(key)
  look: ServerEngine['look'] = (key) => this.inner.look!(key)
  maxValueSize: Engine['maxValueSize'] = (keyLength, usual) =>
    this.inner.maxValueSize(keyLength, usual)
  ping: Engine['ping'] = () => this.inner.ping()
  stats: () => Promise<EngineStats[]> = () => this.inner.stats()
  observe: (observer: EngineObserver) => void = (observer) => this.inner.observe(observer)
  close: Engine['close'] = () => this.inner.close()

  constructor(inner: Engine) {
    this.inner = inner
  }
}

export interface Hold {
  operation: 'get' | 'set' | 'add' | 'touch'
  /** The keys whose operations are held. Default: all. */
  keys?: RegExp
  /** Hold from the nth such operation on. Default 1. */
  nth?: number
}

/** Holds operations of the engine: `asked` resolves at the first held one, `gate` lets all go on. */
export function hold(engine: FaultyEngine, { operation, keys = /^/, nth = 1 }: Hold) {
  const [gate, asked] = [deferred(), deferred()]
  const inner = engine[operation] as (key: string, ...rest: unknown[]) => Promise<unknown>
  let times = 0
  const held = async (key: string, ...rest: unknown[]) => {
    if (keys.test(key) && ++times >= nth) {
      asked.resolve()
      await gate.promise
    }
    return inner(key, ...rest)
  }
  Object.assign(engine, { [operation]: held })
  return { gate, asked }
}

const OPERATIONS = ['get', 'set', 'add', 'touch', 'delete', 'maxValueSize'] as const

/** Records the operations of the engine from now on, in order. */
export function follow(engine: FaultyEngine): string[] {
  const calls: string[] = []
  for (const operation of OPERATIONS) {
    const inner = engine[operation] as (...args: unknown[]) => unknown
    const followed = (...args: unknown[]) => {
      calls.push(typeof args[0] === 'string' ? `${operation} ${args[0]}` : operation)
      return inner(...args)
    }
    Object.assign(engine, { [operation]: followed })
  }
  return calls
}
