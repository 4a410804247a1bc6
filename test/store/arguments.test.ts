import test from 'ava'
import { createApp, startServer } from '../../src/http/index.ts'
import { Digest, FileStore, InvalidArgumentError, memcached, memory } from '../../src/index.ts'

// As a caller in JavaScript can.
const untyped = (value: unknown) => value as never
const store = new FileStore(memory())
test.after.always(() => store.close())

test('an address is no engine, and the message says what is', (t) => {
  t.throws(() => new FileStore(untyped('127.0.0.1:11211')), {
    instanceOf: InvalidArgumentError,
    message: /new FileStore\(memcached\("127\.0\.0\.1:11211"\)\)/,
  })
  // Links are replaced by `look` or `replace`: without either no name can be stored.
  const withoutLook = Object.assign(memory(), { look: undefined })
  for (const engine of [undefined, null, {}, 'x', withoutLook]) {
    t.throws(() => new FileStore(untyped(engine)), { message: /takes an engine/ })
  }
})

test('an unknown option is refused with the nearest right one', async (t) => {
  const cases: [() => unknown, RegExp][] = [
    [() => new FileStore(memory(), untyped({ chunksize: 1000 })), /FileStore.*chunkSize\?/],
    [
      () => new FileStore(memory(), untyped({ memory: { totl: 1 } })),
      /memory.*did you mean total\?/,
    ],
    [() => new FileStore(memory(), untyped({ frobnicate: 1 })), /has no option "frobnicate"$/],
    [() => memory(untyped({ maxbytes: 1e9 })), /memory\(\).*maxBytes\?/],
    [() => memcached('h:1', untyped({ timeoutMS: 1 })), /memcached\(\).*timeoutMs\?/],
    [() => memcached('h:1,h:2', untyped({ replica: 2 })), /memcached\(\).*replicas\?/],
    [() => memcached('h:1', untyped(100)), /are an object/],
    [() => createApp(store, untyped({ corsOrigin: [] })), /createApp.*corsOrigins\?/],
    [() => createApp(store, untyped({ access: { token: [] } })), /access.*tokens\?/],
    [() => createApp(untyped('127.0.0.1:11211')), /createApp takes a store/],
  ]
  for (const [call, message] of cases) {
    t.throws(call, { instanceOf: InvalidArgumentError, message })
  }
  await t.throwsAsync(startServer(store, untyped({ prot: 0 })), { message: /startServer.*port\?/ })
  await t.throwsAsync(startServer(untyped({}), { port: 0 }), {
    message: /startServer takes a store/,
  })
})

test('an unknown option of a method is refused, and nothing is stored', async (t) => {
  const methods = new FileStore(memory())
  t.teardown(() => methods.close())
  const { hash } = await methods.put('kept', { name: 'kept' })
  const file = await methods.get('kept')
  const staged = await methods.stage('staged')
  const work = async () => {}
  const cases: [() => unknown, RegExp][] = [
    [() => methods.put('x', untyped({ nmae: 'y', tll: 5 })), /^put has .*did you mean name\?/],
    [() => methods.put('x', untyped({ over: {} })), /^put has no option "over"/],
    [() => methods.put('x', untyped({ onChunk: work })), /^put has no option "onChunk"/],
    [() => methods.put('x', untyped(null)), /the options of put are an object/],
    [() => methods.stage('x', untyped({ name: 'y' })), /^stage has no option "name"/],
    [() => staged.confirm(untyped({ nam: 'y' })), /^confirm .*name\?/],
    [() => staged.commit(untyped({ nam: 'y' })), /^commit .*name\?/],
    [() => methods.link(hash, untyped({ name: 'y', tpye: 'a/b' })), /^link .*type\?/],
    [() => methods.delete('kept', untyped({ pruge: true })), /^delete .*purge\?/],
    [() => methods.get('kept', untyped({ sginal: 1 })), /^get .*signal\?/],
    [() => methods.find('kept', untyped({ prefech: true })), /^find .*prefetch\?/],
    [() => methods.isReadable('kept', untyped({ x: 1 })), /^isReadable has/],
    [() => methods.verify('kept', untyped({ x: 1 })), /^verify has/],
    [() => methods.repair('kept', untyped({ x: 1 })), /^repair has/],
    [() => methods.missing([hash], untyped({ x: 1 })), /^missing has/],
    [() => methods.withMemory(1, work, untyped({ knid: 'short' })), /^withMemory .*kind\?/],
    [() => file.prepare(undefined, untyped({ verfy: 'full' })), /^prepare .*verify\?/],
    [() => file.bytes(untyped({ ends: 2 })), /^bytes .*end\?/],
    [async () => file.stream(untyped({ strat: 2 })), /^stream .*start\?/],
  ]
  for (const [call, message] of cases) {
    const error = await t.throwsAsync(async () => call(), { instanceOf: InvalidArgumentError })
    t.regex(error!.message, message)
  }
  for (const ref of ['y', { hash: Digest.of(Buffer.from('x')) }]) {
    t.false(await methods.isReadable(ref))
  }
  t.true(await methods.isReadable('kept'))
})

test('undefined is as good as left out', async (t) => {
  const engine = memcached('h:1,h:2', { replicas: undefined, timeoutMs: undefined })
  await engine.close()
  const all = new FileStore(memory({ maxBytes: undefined }), {
    chunkSize: undefined,
    keyPrefix: undefined,
    secret: undefined,
    ttl: undefined,
    memory: { total: undefined, perRead: undefined },
  })
  const options = { name: 'a', type: undefined, ttl: undefined, digest: undefined, size: undefined }
  await all.put('content', { ...options, attributes: undefined, createOnly: undefined })
  const file = await all.get('a', { signal: undefined })
  t.is(String(await file.bytes({ start: undefined, end: undefined })), 'content')
  const server = await startServer(all, {
    port: 0,
    host: undefined,
    tls: undefined,
    access: undefined,
  })
  await server.close()
})
