import { setTimeout as sleep } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import {
  FileStore,
  memcached,
  NotFoundError,
  type ProduceContext,
  type Produced,
} from '../../../src/index.ts'
import { onEveryEngine } from '../../helpers/engines.ts'
import { startMemcached } from '../../helpers/memcached.ts'
import { until, watched } from '../../helpers/watchdog.ts'

const WRITES = 80
const chance = (part: number) => Math.random() < part
const aWhile = (ms: number) => sleep(Math.random() * ms)

/**
 * One writer uploads and deletes a file while others fill and read it. The content is the number of the
 * event by which it began, and no reader may get one below the last write that was answered before it asked.
 */
class Schedule {
  readonly outcomes = new Set<string>()
  readonly #t: ExecutionContext
  readonly #stores: readonly FileStore[]
  #events = 0
  #written = 0
  #isOver = false

  constructor(t: ExecutionContext, stores: readonly FileStore[]) {
    this.#t = t
    this.#stores = stores
  }

  async run(): Promise<void> {
    const others = [1, 2, 3, 4, 5].map(() => this.#fill())
    await Promise.all([this.#write(), this.#read(), this.#read(), ...others])
    const isUnused = () => this.#stores.every(({ memoryUsage }) => memoryUsage.used === 0)
    await until('the memory is given back', isUnused)
  }

  get #store(): FileStore {
    return this.#stores[Math.floor(Math.random() * this.#stores.length)]!
  }

  async #write(): Promise<void> {
    for (let i = 0; i < WRITES; i++) {
      await aWhile(40)
      const event = ++this.#events
      if (chance(0.5)) await this.#store.put(contentOf(event), { name: 'a' })
      else await this.#store.delete('a')
      this.#written = event
    }
    this.#isOver = true
  }

  async #read(): Promise<void> {
    while (!this.#isOver) {
      await aWhile(10)
      const least = this.#written
      const file = await this.#store.find('a').catch(unlessAbsent)
      if (file !== undefined) this.#check(await file.text(), least)
    }
  }

  async #fill(): Promise<void> {
    while (!this.#isOver) {
      await aWhile(30)
      const signal = chance(0.3) ? AbortSignal.timeout(20) : undefined
      const file = chance(0.5) ? await this.#store.find('a').catch(unlessAbsent) : undefined
      const unusable = file && ({ file, reason: 'expired' } as const)
      const least = this.#written
      const options = { signal, unusable, whole: chance(0.3) }
      try {
        const filling = await this.#store.fill('a', this.#produce, options)
        this.outcomes.add(filling.outcome)
        if (filling.outcome === 'filling' && chance(0.3)) filling.file.cancel()
        const isReady = filling.outcome === 'hit' || filling.outcome === 'renewed'
        const text = await filling.file.text()
        if (isReady) this.#check(text, least)
      } catch (error) {
        this.outcomes.add(error instanceof Error ? error.message : String(error))
      }
    }
  }

  readonly #produce = async ({ stale }: ProduceContext): Promise<Produced> => {
    const event = ++this.#events
    await aWhile(40)
    if (chance(0.1)) throw new Error('the origin fails')
    if (stale !== undefined && chance(0.7)) return { unchanged: true }
    return { source: contentOf(event), store: chance(0.9) }
  }

  #check(text: string, least: number): void {
    const event = Number.parseInt(text, 10)
    if (event < least) this.#t.fail(`${event} was read after ${least} was written`)
  }
}

function contentOf(event: number): string {
  return `${event} ${'x'.repeat(2500)}`
}

function unlessAbsent(error: unknown): undefined {
  if (!(error instanceof NotFoundError)) throw error
}

async function check(t: ExecutionContext, stores: readonly FileStore[]): Promise<void> {
  const schedule = new Schedule(t, stores)
  await watched('the schedule', schedule.run(), 60_000)
  t.true(schedule.outcomes.has('hit') && schedule.outcomes.has('filling'))
}

onEveryEngine('no fill undoes a write: at random, in one process', async (t, backend) => {
  t.timeout(90_000)
  await check(t, [backend.store()])
})

for (const servers of [1, 3]) {
  test(`no fill undoes a write: at random, in two processes, with ${servers} memcached`, async (t) => {
    t.timeout(90_000)
    const caches = await Promise.all(Array.from({ length: servers }, () => startMemcached(t)))
    const addresses = caches.map(({ address }) => address).join(',')
    const stores = [1, 2].map(() => {
      const engine = memcached(addresses, { timeoutMs: 10_000, connectTimeoutMs: 10_000 })
      const store = new FileStore(engine, { chunkSize: 1000 })
      t.teardown(() => store.close())
      return store
    })
    await check(t, stores)
  })
}
