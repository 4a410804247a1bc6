import { setImmediate as turn } from 'node:timers/promises'
import test from 'ava'
import { Latency } from '../../../src/engine/fleet/latency.ts'
import { Waits } from '../../../src/engine/fleet/waits.ts'

test('a wait is late after its time, in which the process was not busy itself', async (t) => {
  const waits = new Waits(10)
  const late = new Promise<number>((resolve) => {
    waits.begin(100, 'server', (waitedMs) => {
      resolve(waitedMs)
      return 0
    })
  })
  for (const end = performance.now() + 300; performance.now() < end; );
  await turn()
  await turn()
  t.true(waits.oldestOf('server') <= 30)
  t.is(waits.oldestOf('another'), 0)
  t.is(await late, 110)
  t.is(waits.oldestOf('server'), 0)
})

test('a wait that goes on is looked at again, and one that has ended is not', async (t) => {
  const waits = new Waits(5)
  const asked: number[] = []
  const ended = waits.begin(5, 'server', () => t.fail() as never)
  waits.end(ended)
  await new Promise<void>((resolve) => {
    waits.begin(5, 'server', (waitedMs) => {
      asked.push(waitedMs)
      if (asked.length === 3) resolve()
      return asked.length === 3 ? 0 : 10
    })
  })
  t.deepEqual(asked, [10, 20, 30])
})

test('what a server took when it was fast is remembered for a while', (t) => {
  const latency = new Latency()
  for (let i = 0; i < 100; i++) latency.add(2)
  for (let i = 0; i < 100; i++) latency.add(80)
  t.true(latency.mean > 79 && latency.least < 5)
  for (let i = 0; i < 20_000; i++) latency.add(80)
  t.true(latency.least > 70, 'it is far away, not slow')
})
