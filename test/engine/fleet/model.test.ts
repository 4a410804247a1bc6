import test, { type ExecutionContext } from 'ava'
import { type Memcached, startMemcached } from '../../helpers/memcached.ts'
import { Random } from '../../helpers/random.ts'
import { violations } from './model/history.ts'
import { Schedule } from './model/schedule.ts'
import { World } from './model/world.ts'

/** `MODEL_SEED` begins with another schedule, `MODEL_SCHEDULES` runs more: `npm run test:soak:fleet`. */
const seed = Number(process.env.MODEL_SEED ?? Date.now() % 1_000_000)
const count = Number(process.env.MODEL_SCHEDULES ?? 25)
/** How often a schedule is run that the machine was too busy for: servers were silent that it left alone. */
const TRIES = 3

interface Found {
  wrong: string[]
  steps: string[]
  disturbances: number
  operations: number
  failed: number
}

/** Servers that may be silent, or emptied, while the guarantee holds: one less than a write needs. */
const mostFaultyFor = (replicas: number) => (replicas === 1 ? 1 : 2)

async function runOne(
  t: ExecutionContext,
  servers: readonly Memcached[],
  number: number,
): Promise<Found> {
  const random = new Random(number)
  const replicas = number % 4 === 0 ? 1 : 2
  const isSingle = number % 4 === 1
  const world = new World(t, servers, replicas)
  await world.join('first')
  await world.join('second')
  const mostFaulty = isSingle ? 1 : mostFaultyFor(replicas)
  const schedule = new Schedule(world, random, mostFaulty, `${number} ${Math.random()}`)
  await schedule.run()
  await world.close()
  const { history, steps } = schedule
  const failed = history.filter(({ isOk }) => !isOk)
  const wrong = violations(history)
  if (isSingle) wrong.push(...failed.map(({ store, kind }) => `${store}: a ${kind} failed`))
  const { disturbances } = world
  return { wrong, steps, disturbances, operations: history.length, failed: failed.length }
}

test('what was acknowledged stays, whatever servers freeze, die, come back empty or are cut off', async (t) => {
  t.timeout(count * 5000 + 60_000)
  const launches = Array.from({ length: 5 }, () => startMemcached(t, { memoryMb: 32 }))
  const servers = await Promise.all(launches)
  const sums = { operations: 0, failed: 0, disturbed: 0 }
  for (let number = seed; number < seed + count; number++) {
    for (let tries = 1; ; tries++) {
      const found = await runOne(t, servers, number)
      sums.operations += found.operations
      sums.failed += found.failed
      if (found.wrong.length === 0) break
      const isDisturbed = found.disturbances > 0
      if (isDisturbed && tries < TRIES) {
        sums.disturbed++
        continue
      }
      t.log(`MODEL_SEED=${number} MODEL_SCHEDULES=1 (${found.disturbances} disturbances)`)
      for (const step of found.steps) t.log(step)
      t.fail(found.wrong.slice(0, 5).join('\n'))
      return
    }
  }
  const { operations, failed, disturbed } = sums
  t.log(`seed ${seed}: ${count} schedules, ${operations} operations, ${failed} unavailable`)
  if (disturbed > 0) t.log(`${disturbed} schedules were run again, since the machine was too busy`)
  t.pass()
})
