import test from 'ava'
import { chaos } from './chaos.ts'

/** `CHAOS_SEED` repeats a run; `SOAK_MINUTES`, set by `npm run test:soak`, makes it long. */
const soakMinutes = Number(process.env.SOAK_MINUTES ?? 0)
/** A soak looks for what is new, the normal run for what is known. */
const anySeed = Number(process.env.CHAOS_SEED ?? (soakMinutes > 0 ? Date.now() % 1_000_000 : 3))

test.serial('under random faults an answer is right, or an honest miss, or none', async (t) => {
  t.timeout(soakMinutes * 60_000 + 180_000)
  const end = Date.now() + soakMinutes * 60_000
  for (let round = 0; round === 0 || Date.now() < end; round++) {
    await chaos(t, anySeed + round, soakMinutes > 0 ? 60_000 : 12_000)
    const resident = process.memoryUsage.rss() >> 20
    t.log(`round ${round}: ${resident} MiB resident`)
    t.true(resident < 1500)
  }
})
