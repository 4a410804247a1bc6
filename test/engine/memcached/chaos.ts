import { readdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ExecutionContext } from 'ava'
import { DamagedError } from '../../../src/engine/engine.ts'
import type { Protocol } from '../../../src/engine/memcached/protocol/choice.ts'
import { InsufficientStorageError, TooLargeError, UnavailableError } from '../../../src/errors.ts'
import { breakSomething } from '../../helpers/faults.ts'
import { Random } from '../../helpers/random.ts'
import { watched } from '../../helpers/watchdog.ts'
import { proves, recovery, rig, selfProving } from './harness.ts'

const LENGTHS = [0, 1, 24, 100, 4000, 65_536, 200_000, 524_288, 1_000_000]

/**
 * Random faults, which `seed` repeats as far as the network lets them, while workers read and write. No
 * operation may hang or bring a byte that was not stored; afterwards everything works again
 * and nothing is left behind.
 */
export async function chaos(
  t: ExecutionContext,
  seed: number,
  forMs: number,
  protocol: Protocol = 'auto',
): Promise<void> {
  t.log(`seed ${seed}`)
  const random = new Random(seed)
  const { server, proxy, engine } = await rig(t, { timeoutMs: 500, protocol }, { memoryMb: 64 })
  const chunks = Array.from({ length: 60 }, (_, i) => selfProving(random.pick(LENGTHS) + i, `${i}`))
  const count = { ok: 0, absent: 0, damaged: 0, unavailable: 0, refused: 0 }
  let stop = false
  const work = async (dice: Random) => {
    const { key, value } = dice.pick(chunks)
    const what = dice.below(10)
    if (what < 5) {
      const got = await engine.get(key, proves(key), { discard: dice.below(2) === 0 })
      if (got && !got.equals(value)) throw new Error('a wrong value')
      return got !== undefined
    }
    if (what < 8) return (await engine.set(key, value)) > 0
    if (what < 9) return engine.touch(key, 1000)
    return (await engine.add(key, value)) > 0
  }
  const worker = async (id: number) => {
    const dice = new Random(seed + id)
    while (!stop) {
      try {
        if (await watched('an operation', work(dice))) count.ok++
        else count.absent++
      } catch (error) {
        if (error instanceof DamagedError) count.damaged++
        else if (error instanceof UnavailableError) count.unavailable++
        // One flipped bit of its status makes either of the answer that a key exists.
        else if (error instanceof TooLargeError) count.refused++
        else if (error instanceof InsufficientStorageError) count.refused++
        else throw error
        await sleep(1)
      }
    }
  }
  const workers = Promise.all(Array.from({ length: 24 }, (_, id) => worker(id)))
  workers.catch(() => {
    stop = true
  })
  for (const end = performance.now() + forMs; performance.now() < end && !stop; ) {
    await breakSomething({ server, proxy, random })
    await sleep(random.below(150))
  }
  const took = await recovery(() => engine.ping())
  stop = true
  await workers
  t.log(count)
  t.true(took < 4000, `well again after ${took} ms`)
  t.true(count.ok > 0)
  for (const { key, value } of chunks.slice(0, 10)) {
    await engine.set(key, value)
    t.deepEqual(await engine.get(key, proves(key)), value)
  }
  await engine.close()
  await sleep(300)
  proxy.stop()
  await sleep(100)
  const sockets = readdirSync('/proc/self/fd').length
  t.true(sockets < 60, `${sockets} descriptors`)
}
