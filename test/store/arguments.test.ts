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

test('an argument of a wrong type is refused with what is right, and nothing changes', async (t) => {
  const methods = new FileStore(memory())
  t.teardown(() => methods.close())
  const { hash } = await methods.put('kept', { name: 'kept' })
  const file = await methods.get('kept')
  const work = async () => {}
  const signal = untyped(new AbortController())
  const digest = untyped(Digest.of(Buffer.from('x')).bytes)
  const isRef = /^a file is a name, a content hash, \{ name \} or \{ hash \}/
  const isHash = /^a content hash is 64 lowercase hexadecimal digits or a Digest/
  const refs = [undefined, null, 5, {}, work].map((ref) => [untyped(ref), isRef] as const)
  const cases: [() => Promise<unknown>, RegExp][] = [
    ...[...refs, [untyped({ hash: 5 }), isHash] as const].flatMap(
      ([ref, message]): [() => Promise<unknown>, RegExp][] => [
        [() => methods.get(ref), message],
        [() => methods.find(ref), message],
        [() => methods.isReadable(ref), message],
        [() => methods.delete(ref), message],
        [() => methods.getOrPut(ref, () => 'x'), message],
        [() => methods.link(ref, { name: 'y' }), /^the content of a link is its hash or a file/],
      ],
    ),
    [() => methods.get({ name: 'kept', hash }), /^a file is .* not both a name and a hash/],
    [() => methods.get(untyped({ name: 5 })), /^a file's name is a string/],
    [() => methods.put('x', { name: untyped(null) }), /^a file's name is a string/],
    [() => methods.put('x', { digest: untyped(5) }), isHash],
    [() => methods.put('x', { digest }), isHash],
    [() => methods.put('x', { size: Number.NaN }), /^size is a whole number of bytes/],
    [() => methods.put('x', { size: untyped('1') }), /^size is a whole number of bytes/],
    [() => methods.put('x', { onProgress: untyped(5) }), /^onProgress is a function/],
    [() => methods.put('x', { precondition: untyped(true) }), /^precondition is a function/],
    [() => methods.put('x', { signal }), /^signal is an AbortSignal/],
    [() => methods.stage('x', { signal }), /^signal is an AbortSignal/],
    [() => methods.get('kept', { signal }), /^signal is an AbortSignal/],
    [() => file.bytes({ signal: untyped(null) }), /^signal is an AbortSignal/],
    [() => methods.link(hash, untyped(undefined)), /the options of link are an object/],
    [() => methods.link(hash, untyped({ ttl: 5 })), /^name is what link is to call it/],
    [() => methods.delete('kept', { only: untyped(null) }), /^only is a file that was found/],
    [() => methods.delete('kept', { only: untyped({ hash }) }), /^only is a file that was found/],
    [() => methods.missing(untyped(undefined)), /^hashes is a list/],
    [() => methods.missing(untyped([5])), isHash],
    [() => methods.withMemory(Number.NaN, work), /^bytes is a number that is not negative/],
    [() => methods.withMemory(-1, work), /^bytes is a number that is not negative/],
    [() => methods.withMemory(5, untyped(5)), /^work is a function/],
    [
      () => methods.withMemory(5, work, { kind: untyped('x') }),
      /^kind is short or receiving or sending/,
    ],
    [() => file.prepare(untyped({ start: 0, end: 1 })), /^ranges is a list of/],
    [() => file.prepare(undefined, { verify: untyped('x') }), /^verify is 'full' or 'stream'/],
  ]
  for (const [call, message] of cases) {
    const error = await t.throwsAsync(async () => call(), { instanceOf: InvalidArgumentError })
    t.regex(error!.message, message)
  }
  t.is(await (await methods.get(untyped({ name: 'kept', hash: undefined }))).text(), 'kept')
  t.false(await methods.isReadable(Digest.of(Buffer.from('x'))))
})

test('what is no secret is refused, and so is an empty list of them', (t) => {
  for (const secret of [5, null, [], [5], {}].map(untyped)) {
    t.throws(() => new FileStore(memory(), { secret }), { message: /^secret is a string, bytes/ })
  }
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
