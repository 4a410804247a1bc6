import test from 'ava'
import { Patience } from '../../../src/engine/fleet/patience.ts'
import { Waits } from '../../../src/engine/fleet/waits.ts'

const LEAST_MS = 40

/** Servers that are asked at the same time; `answer` tells that it has answered. */
function ask(count: number) {
  const members = Array.from({ length: count }, (_, i) => ({
    name: `server ${i}`,
    isUp: true,
    bytesUnderWay: 0,
  }))
  const patience = new Patience(LEAST_MS, () => members)
  return members.map((member) => {
    let wait!: ReturnType<Patience['begin']>
    const error = new Promise<Error>((resolve) => {
      wait = patience.begin(member, resolve)
    })
    return { error, answer: () => patience.end(member, wait) }
  })
}

/** As the times of `Patience`: they are ticks, which take longer on a busy machine. */
function pass(ms: number): Promise<number> {
  return new Promise((resolve) => {
    new Waits(LEAST_MS / 4).begin(ms, 'clock', (waitedMs) => {
      resolve(waitedMs)
      return 0
    })
  })
}

for (const [what, answersAfter, patienceMs] of [
  ['fast', 0, LEAST_MS],
  ['slow', 100, 400],
] as const) {
  test(`a server is late by comparison with others that were ${what}, also when they have answered`, async (t) => {
    const [first, second, last] = ask(3)
    if (answersAfter > 0) await pass(answersAfter)
    first!.answer()
    second!.answer()
    const { message } = await last!.error
    const ms = Number(/^server 2 has not answered for (\d+) ms$/.exec(message)?.[1])
    t.true(ms >= patienceMs && ms <= 1.5 * patienceMs, message)
  })
}
