// Run by close.test.ts as a process of its own, which has to end by itself.
import { setTimeout as sleep } from 'node:timers/promises'
import { memcached } from '../../../../src/engine/memcached/index.ts'

const [state, address = ''] = process.argv.slice(2)
const engine = memcached(address, {
  timeoutMs: 60_000,
  connectTimeoutMs: 60_000,
  responseCapMs: 60_000,
})
const settled: string[] = []
const follow = (what: string, work: Promise<unknown>) => {
  work.then(
    () => settled.push(`${what} ok`),
    (error) => settled.push(`${what} ${error.cause?.code}`),
  )
}

if (state !== 'unused') {
  if (state !== 'connecting' && state !== 'refused') await engine.ping()
  if (state === 'hung' || state === 'large') process.send?.('freeze')
  if (state === 'hung' || state === 'large') await sleep(300)
  if (state === 'large') {
    for (let i = 0; i < 40; i++) follow('set', engine.set(`key${i}`, Buffer.alloc(1_000_000)))
  }
  if (state === 'stored') await engine.set('key', Buffer.from('value'))
  if (!['idle', 'open', 'stored'].includes(state!)) follow('get', engine.get('key', String))
  if (state === 'damaged') {
    await engine.set('damaged', Buffer.from('x'))
    follow(
      'damaged',
      engine.get('damaged', () => undefined),
    )
  }
  await sleep(state === 'damaged' ? 1 : 300)
}
if (state !== 'open' && state !== 'stored') await engine.close()
process.disconnect?.()
await new Promise(setImmediate)
console.log(settled.length, [...new Set(settled)].sort().join(','))
