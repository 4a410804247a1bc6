import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { memcached } from '../../../../src/engine/memcached/index.ts'
import { startMemcached } from '../../../helpers/memcached.ts'
import { freePort } from '../../../helpers/ports.ts'
import { watched } from '../../../helpers/watchdog.ts'
import { failureOf, fill, QUICK, read, readAll, recovery, rig, whole } from '../harness.ts'

/** Deadlines may be missed by this much on a busy machine. */
const SLACK = 3000

function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

for (const protocol of ['binary', 'meta', 'text'] as const) {
  test(`${protocol}: a black hole fails a lone request in time`, async (t) => {
    const { proxy, engine } = await rig(t, { ...QUICK, protocol })
    await engine.ping()
    proxy.toServer = () => {}
    const start = performance.now()
    t.is(await failureOf(t, 'get', engine.get('key', whole)), 'timeout')
    t.true(performance.now() - start < QUICK.timeoutMs! + SLACK)
  })
}

test('a black hole under steady traffic fails requests in time', async (t) => {
  const { proxy, engine } = await rig(t)
  await engine.ping()
  proxy.toServer = () => {}
  const work: Promise<unknown>[] = []
  let slowest = 0
  for (const end = Date.now() + 2500; Date.now() < end; await sleep(20)) {
    const start = performance.now()
    work.push(
      engine.set('key', Buffer.alloc(2000)).catch(() => {
        slowest = Math.max(slowest, performance.now() - start)
      }),
    )
  }
  await watched('all', Promise.all(work))
  t.true(slowest > 0)
  t.true(slowest < QUICK.timeoutMs! + QUICK.connectTimeoutMs! + SLACK, `${slowest} ms`)
  proxy.heal()
  t.true((await recovery(() => engine.ping())) < 1000 + SLACK)
})

for (const protocol of ['binary', 'meta', 'text'] as const) {
  test(`${protocol}: a memcached that stops answering in mid-response fails in time`, async (t) => {
    const { proxy, engine } = await rig(t, { ...QUICK, protocol })
    const values = await fill(engine, Array(4).fill(200_000))
    let left = 300_000
    proxy.toClient = (bytes, _link, forward) => {
      forward(bytes.subarray(0, left))
      left = Math.max(0, left - bytes.length)
    }
    const { right, unavailable } = await readAll(engine, values)
    t.deepEqual({ right, unavailable }, { right: 1, unavailable: 3 })
  })
}

for (const [protocol, rounds] of [
  ['binary', 3],
  ['meta', 1],
  ['text', 1],
] as const) {
  test(`${protocol}: SIGSTOP fails in time; SIGCONT is noticed within a second`, async (t) => {
    const { server, engine } = await rig(t, { ...QUICK, protocol })
    const values = await fill(engine, Array(4).fill(100_000))
    for (let round = 0; round < rounds; round++) {
      server.freeze()
      const start = performance.now()
      const { wrong, absent, unavailable } = await readAll(engine, values)
      t.deepEqual({ wrong, absent, unavailable }, { wrong: 0, absent: 0, unavailable: 4 })
      t.true(performance.now() - start < QUICK.timeoutMs! + SLACK)
      await Promise.allSettled([engine.set('x', Buffer.alloc(900_000)), sleep(1000)])
      server.thaw()
      t.true((await recovery(() => engine.ping())) < 1000 + SLACK)
      t.is((await readAll(engine, values)).right, 4)
    }
  })
}

// One after the other are tests that count descriptors, or block the event loop.
test.serial('nobody listens: refused, at once, and no descriptor leaks', async (t) => {
  const port = await freePort()
  const engine = memcached(`127.0.0.1:${port}`, QUICK)
  t.teardown(() => engine.close())
  t.is(await failureOf(t, 'get', engine.get('key', whole)), 'refused')
  const before = readdirSync('/proc/self/fd').length
  for (let i = 0; i < 300; i++) await engine.get('key', whole).catch(() => sleep(2))
  await sleep(100)
  t.true(readdirSync('/proc/self/fd').length <= before + 3)
  const server = await startMemcached(t, { port })
  t.true((await recovery(() => engine.ping())) < 1000 + SLACK)
  await server.stop()
})

test('a unix socket that is not there is refused', async (t) => {
  const engine = memcached('/nonexistent/memcached.sock', QUICK)
  t.teardown(() => engine.close())
  t.is(await failureOf(t, 'get', engine.get('key', whole)), 'refused')
})

test('a host that does not exist is unresolved', async (t) => {
  const engine = memcached('does-not-exist.invalid', QUICK)
  t.teardown(() => engine.close())
  const code = await failureOf(t, 'get', engine.get('key', whole))
  t.true(code === 'unresolved' || code === 'connect-timeout', code)
})

test('a server that accepts and never answers is a connect timeout', async (t) => {
  const sockets: { destroy(): void }[] = []
  const silent = createServer((socket) => sockets.push(socket.on('error', () => {})))
  silent.listen(0, '127.0.0.1')
  await once(silent, 'listening')
  t.teardown(() => {
    silent.close()
    for (const socket of sockets) socket.destroy()
  })
  const engine = memcached(`127.0.0.1:${(silent.address() as { port: number }).port}`, QUICK)
  t.teardown(() => engine.close())
  const work = Array.from({ length: 20 }, () => engine.get('key', whole))
  for (const each of work) t.is(await failureOf(t, 'get', each), 'connect-timeout')
  t.is(sockets.length, 1)
})

test('a server that does not even accept is a connect timeout', async (t) => {
  const server = await startMemcached(t, { args: ['-b', '1'] })
  server.freeze()
  // Fill its backlog, so that the kernel ignores who else knocks.
  const fillers = Array.from({ length: 20 }, () =>
    connect({ host: '127.0.0.1', port: server.port! }).on('error', () => {}),
  )
  t.teardown(() => {
    for (const socket of fillers) socket.destroy()
  })
  await sleep(200)
  const engine = memcached(server.address, QUICK)
  t.teardown(() => engine.close())
  t.is(await failureOf(t, 'get', engine.get('key', whole)), 'connect-timeout')
  for (const socket of fillers) socket.destroy()
  server.thaw()
  t.true((await recovery(() => engine.ping())) < 1000 + SLACK)
})

test.serial(
  'an event loop that is blocked for longer than the timeout fails nothing',
  async (t) => {
    const { server } = await rig(t)
    const engine = memcached(server.address, { timeoutMs: 300, connectTimeoutMs: 300 })
    t.teardown(() => engine.close())
    const connecting = engine.ping()
    block(900)
    await t.notThrowsAsync(watched('connect', connecting))
    const values = await fill(engine, Array(10).fill(100_000))
    for (const when of ['at once', 'once sent', 'later']) {
      const work = readAll(engine, values)
      if (when === 'once sent') await Promise.resolve().then(() => new Promise(setImmediate))
      if (when === 'later') await sleep(1)
      block(900)
      t.is((await work).right, 10, when)
    }
  },
)

for (const protocol of ['binary', 'meta', 'text'] as const) {
  test(`${protocol}: a slow link is slow, not broken`, async (t) => {
    const { proxy, engine } = await rig(t, { ...QUICK, protocol, responseCapMs: 60_000 })
    const values = await fill(engine, Array(6).fill(300_000))
    let busy = Promise.resolve()
    proxy.toClient = (bytes, _link, forward) => {
      for (let at = 0; at < bytes.length; at += 20_000) {
        const part = Buffer.from(bytes.subarray(at, at + 20_000))
        busy = busy.then(() => sleep(20)).then(() => forward(part))
      }
    }
    const start = performance.now()
    t.is((await readAll(engine, values)).right, 6)
    t.true(performance.now() - start > QUICK.timeoutMs!)
  })

  test(`${protocol}: a trickle is cut short`, async (t) => {
    const { proxy, engine } = await rig(t, { ...QUICK, protocol, responseCapMs: 1500 })
    const values = await fill(engine, [100_000])
    let busy = Promise.resolve()
    let stop = false
    t.teardown(() => {
      stop = true
    })
    proxy.toClient = (bytes, link, forward) => {
      if (link.index > 0) return forward(bytes)
      for (const byte of bytes.subarray(0, 1000)) {
        busy = busy
          .then(() => (stop ? undefined : sleep(100)))
          .then(() => forward(Buffer.from([byte])))
      }
    }
    const start = performance.now()
    t.is(await failureOf(t, 'get', engine.get('key0', whole)), 'timeout')
    const took = performance.now() - start
    t.true(took > 1000 && took < 1500 + SLACK, `${took} ms`)
    proxy.heal()
    t.is(await read(engine, 'key0', values.get('key0')!), 'right')
  })
}
