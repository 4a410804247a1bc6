import test from 'ava'
import { PROTOCOLS } from '../../../src/engine/memcached/protocol/choice.ts'
import { chaos } from './chaos.ts'

/** `CHAOS_SEED` repeats a run; `SOAK_MINUTES`, set by `npm run test:soak`, makes it long. */
const soakMinutes = Number(process.env.SOAK_MINUTES ?? 0)
/** A soak looks for what is new, the normal run for what is known. */
const anySeed = Number(process.env.CHAOS_SEED ?? (soakMinutes > 0 ? Date.now() % 1_000_000 : 3))

if (soakMinutes > 0) {
  test.serial(`random faults for ${soakMinutes} minutes`, async (t) => {
    t.timeout(soakMinutes * 60_000 + 120_000)
    const end = Date.now() + soakMinutes * 60_000
    // A new world each minute, so that a failure tells a seed that is worth repeating.
    for (let round = 0; Date.now() < end; round++) {
      const protocol = PROTOCOLS[round % PROTOCOLS.length]!
      await chaos(t, anySeed + round, Math.min(60_000, end - Date.now()), protocol)
      const resident = process.memoryUsage.rss() >> 20
      t.log(`round ${round}, ${protocol}: ${resident} MiB resident`)
      t.true(resident < 1000)
    }
  })
} else {
  for (const seed of [1, 2, anySeed]) {
    test.serial(`random faults, seed ${seed}: nothing wrong, no hang, well afterwards`, (t) =>
      chaos(t, seed, 5000),
    )
  }
  for (const protocol of ['meta', 'text'] as const) {
    test.serial(`random faults over ${protocol}: nothing wrong, no hang, well afterwards`, (t) =>
      chaos(t, 4, 3000, protocol),
    )
  }
}
