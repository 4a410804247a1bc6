import test from 'ava'
import { chaos } from './chaos.ts'

/** `SOAK_MINUTES`, set by `npm run test:soak:fleet`, makes it long and strict about time. */
const soakMinutes = Number(process.env.SOAK_MINUTES ?? 0)
const seed = Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000)
const settings =
  soakMinutes > 0
    ? { seed, ms: soakMinutes * 60_000, limitMs: 1000 }
    : { seed, ms: 10_000, limitMs: 10_000 }

test('servers killed, restarted, frozen and replaced one at a time: no read fails, nothing is wrong', async (t) => {
  t.timeout(settings.ms + 120_000)
  const { requests, rounds, slowest } = await chaos(t, settings)
  t.log(`${rounds} faults, ${requests} requests, ${slowest.what} took ${slowest.ms} ms`)
})

test('two servers frozen in turn under load: no request fails, nothing is wrong', async (t) => {
  t.timeout(180_000)
  // Twice each, and more in the soak.
  const kinds = Array.from({ length: 4 }, () => 'freeze' as const)
  const plan = { seed, ms: settings.ms / 4, limitMs: 10_000, count: 2, kinds, timeoutMs: 1500 }
  const { requests, rounds, slowest } = await chaos(t, plan)
  t.true(rounds >= kinds.length)
  t.log(`${rounds} times, ${requests} requests, ${slowest.what} took ${slowest.ms} ms`)
})
