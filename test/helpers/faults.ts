import { setTimeout as sleep } from 'node:timers/promises'
import { cutAfter, type FaultProxy, fin, reset, type Tamper } from './fault-proxy.ts'
import type { Memcached } from './memcached.ts'
import type { Random } from './random.ts'

export interface World {
  server: Memcached
  proxy: FaultProxy
  random: Random
}

/** Each fault begins at the call and lasts until its promise resolves. */
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

/** Changes one packet of five, in one direction or both. */
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

/** Injects a random fault for a while, then heals it. Resolves with its name. */
export async function breakSomething(world: World): Promise<string> {
  const fault = world.random.pick(Object.keys(faults))
  await faults[fault]!(world)
  world.proxy.heal()
  return fault
}
