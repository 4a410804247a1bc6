import { readdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ExecutionContext } from 'ava'
import { DamagedError } from '../../../src/engine/engine.ts'
import { UnavailableError } from '../../../src/errors.ts'
import { cutAfter, type FaultProxy, fin, reset, type Tamper } from '../../helpers/fault-proxy.ts'
import type { Memcached } from '../../helpers/memcached.ts'
import { Random } from '../../helpers/random.ts'
import { watched } from '../../helpers/watchdog.ts'
import { proves, recovery, rig, selfProving } from './harness.ts'

interface World {
  server: Memcached
  proxy: FaultProxy
  random: Random
}

/** Each breaks something, and resolves when it has been broken for long enough. */
const faults: Record<string, (world: World) => Promise<void>> = {
  async cut({ proxy, random }) {
    proxy.toClient = cutAfter(random.below(2_000_000), random.pick([fin, reset]))
    await sleep(100 + random.below(200))
  },
  async cutRequests({ proxy, random }) {
    let left = random.below(2_000_000)
    proxy.toServer = (bytes, link, forward) => {
      forward(bytes.subarray(0, Math.max(0, left)))
      left -= bytes.length
      if (left <= 0) reset(link)
    }
    await sleep(100 + random.below(200))
  },
  async resetAll({ proxy, random }) {
    for (let i = random.below(5); i >= 0; i--) {
      proxy.resetAll()
      await sleep(random.below(50))
    }
  },
  async blackHole({ proxy, random }) {
    if (random.below(2)) proxy.toServer = () => {}
    else proxy.toClient = () => {}
    await sleep(random.below(1500))
  },
  async oneWayFin({ proxy, random }) {
    proxy.passEnds = false
    for (const { client, server } of proxy.links) random.pick([client, server]).end()
    await sleep(random.below(300))
  },
  async delay({ proxy, random }) {
    let busy = Promise.resolve()
    proxy.toClient = (bytes, _link, forward) => {
      const copy = Buffer.from(bytes)
      busy = busy.then(() => sleep(random.below(5))).then(() => forward(copy))
    }
    await sleep(random.below(500))
    await busy
  },
  async splinter({ proxy, random }) {
    proxy.toClient = (bytes, _link, forward) => {
      for (let at = 0; at < bytes.length; ) {
        const end = at + 1 + random.below(Math.min(40, 1 + random.below(60_000)))
        forward(Buffer.from(bytes.subarray(at, end)))
        at = end
      }
    }
    await sleep(random.below(300))
  },
  flipBits: (world) =>
    rubbish(world, (copy, { below }) => [flip(copy, below(copy.length), 1 << below(8))]),
  flipHeaderBits: (world) =>
    rubbish(world, (copy, { below }) => [
      flip(copy, below(Math.min(24, copy.length)), 1 << below(8)),
    ]),
  drop: (world) => rubbish(world, (copy, { below }) => [copy.subarray(below(copy.length))]),
  duplicate: (world) => rubbish(world, (copy) => [copy, copy]),
  insert: (world) =>
    rubbish(world, (copy, { below }) => {
      const at = below(copy.length)
      return [copy.subarray(0, at), Buffer.alloc(1 + below(60), below(256)), copy.subarray(at)]
    }),
  swap: (world) =>
    rubbish(world, (copy, { below }) => {
      const at = below(copy.length)
      return [copy.subarray(at), copy.subarray(0, at)]
    }),
  async unsolicited({ proxy, random }) {
    for (let i = 0; i < 10; i++) {
      const bytes = Buffer.alloc(1 + random.below(60), random.below(2) ? 0x81 : random.below(256))
      for (const { client } of proxy.links) if (!client.writableEnded) client.write(bytes)
      await sleep(random.below(20))
    }
  },
  async refuse({ proxy, random }) {
    proxy.unlisten()
    proxy.resetAll()
    await sleep(random.below(600))
    await proxy.listen()
  },
  async freeze({ server, random }) {
    server.freeze()
    await sleep(random.below(1500))
    server.thaw()
  },
  async restart({ server, random }) {
    await server.restart(random.pick(['SIGKILL', 'SIGTERM']))
  },
}

function flip(bytes: Buffer, at: number, mask: number): Buffer {
  bytes[at]! ^= mask
  return bytes
}

/** Changes one packet in five in either direction, or both. */
async function rubbish(
  { proxy, random }: World,
  change: (copy: Buffer, dice: { below(limit: number): number }) => Buffer[],
): Promise<void> {
  const dice = { below: (limit: number) => random.below(limit) }
  const tamper: Tamper = (bytes, _link, forward) => {
    if (random.below(5) > 0) return forward(bytes)
    for (const part of change(Buffer.from(bytes), dice)) forward(part)
  }
  const direction = random.below(4)
  if (direction !== 0) proxy.toClient = tamper
  if (direction === 0 || direction === 3) proxy.toServer = tamper
  await sleep(100 + random.below(400))
}

const LENGTHS = [0, 1, 24, 100, 4000, 65_536, 200_000, 524_288, 1_000_000]

/**
 * Random faults, which `seed` repeats as far as the network lets them, while workers read and write. No
 * operation may hang or bring a byte that was not stored; afterwards everything works again
 * and nothing is left behind.
 */
export async function chaos(t: ExecutionContext, seed: number, forMs: number): Promise<void> {
  t.log(`seed ${seed}`)
  const random = new Random(seed)
  const { server, proxy, engine } = await rig(t, { timeoutMs: 500 }, { memoryMb: 64 })
  const chunks = Array.from({ length: 60 }, (_, i) => selfProving(random.pick(LENGTHS) + i, `${i}`))
  const count = { ok: 0, absent: 0, damaged: 0, unavailable: 0 }
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
    await faults[random.pick(Object.keys(faults))]!({ server, proxy, random })
    proxy.heal()
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
