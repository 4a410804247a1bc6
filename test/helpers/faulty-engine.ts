import type {
  Engine,
  EngineObserver,
  EngineStats,
  GetOptions,
  Proof,
  SetOptions,
} from '../../src/engine/engine.ts'

type Get = <T>(key: string, prove: Proof<T>, options?: GetOptions) => Promise<T | undefined>

/**
 * An engine that does what another one does, unless a test puts a function of its own in place:
 * `faulty.set = async () => { throw new UnavailableError('no') }`. `inner` is the way past it.
 */
export class FaultyEngine implements Engine {
  readonly inner: Engine
  get: Get
  set: Engine['set']
  add: Engine['add']
  touch: Engine['touch']
  delete: Engine['delete']
  maxValueSize: Engine['maxValueSize']
  ping: Engine['ping']
  stats: () => Promise<EngineStats[]>
  observe: (observer: EngineObserver) => void
  close: Engine['close']

  constructor(inner: Engine) {
    this.inner = inner
    this.get = (key, prove, options) => inner.get(key, prove, options)
    this.set = (key: string, value: Buffer, options?: SetOptions) => inner.set(key, value, options)
    this.add = (key: string, value: Buffer, options?: SetOptions) => inner.add(key, value, options)
    this.touch = (key, ttl) => inner.touch(key, ttl)
    this.delete = (key) => inner.delete(key)
    this.maxValueSize = (keyLength) => inner.maxValueSize(keyLength)
    this.ping = () => inner.ping()
    this.stats = () => inner.stats()
    this.observe = (observer) => inner.observe(observer)
    this.close = () => inner.close()
  }
}
