import test from 'ava'
import { Digest, memory } from '../../src/index.ts'
import { FaultyEngine, hold } from '../helpers/faulty-engine.ts'
import { formBody, formType } from '../helpers/form.ts'
import { ask } from '../helpers/http.ts'
import { directory, field, message, outputDirectory, outputFile } from '../helpers/protobuf.ts'
import { memoryIsFree, startTestServer } from '../helpers/server.ts'
import { until } from '../helpers/watchdog.ts'

const KEY = 'a'.repeat(64)
const store = { chunkSize: 1000, memory: { total: 100_000 } }

test('invariant 7: lists of hashes wait for room in the memory budget, and others go on', async (t) => {
  const engine = new FaultyEngine(memory())
  const server = await startTestServer(t, { engine, store })
  const { hash } = await server.store.put('content')
  const { gate, asked } = hold(engine, { operation: 'touch' })
  const body = JSON.stringify({ hashes: Array.from({ length: 20 }, () => hash) })
  const asks = Array.from({ length: 6 }, () =>
    ask(`${server.url}/blobs/missing`, { method: 'POST', body }),
  )
  await asked.promise
  await until('five to wait', () => server.store.memoryUsage.waiting === 5)
  t.is((await ask(`${server.url}/healthz`)).status, 200)
  gate.resolve()
  for (const answer of await Promise.all(asks)) t.deepEqual(answer.json(), { missing: [] })
  await memoryIsFree(server)
})

test('invariant 7: forms of many parts wait for room in the memory budget, and others go on', async (t) => {
  const engine = new FaultyEngine(memory())
  const server = await startTestServer(t, { engine, store })
  const post = (name: string, parts: number) => {
    const files = Array.from({ length: parts }, (_, index) => ({ filename: `${name} ${index}` }))
    const body = formBody(...files)
    return ask(`${server.url}/files`, { method: 'POST', headers: formType(), body })
  }
  const name = Digest.of(Buffer.from('first 0')).hex
  const { gate, asked } = hold(engine, { operation: 'add', keys: new RegExp(`n:${name}`) })
  const first = post('first', 1000)
  await asked.promise
  const others = [post('second', 1000), post('third', 1000)]
  await until('two to wait', () => server.store.memoryUsage.waiting === 2)
  t.is((await post('few', 64)).status, 201)
  gate.resolve()
  for (const answer of await Promise.all([first, ...others])) t.is(answer.status, 201)
  await memoryIsFree(server)
})

test('invariant 7: a form waits for room for a small part before it reads the next', async (t) => {
  const engine = new FaultyEngine(memory())
  const server = await startTestServer(t, { engine, store })
  const { gate, asked } = hold(engine, { operation: 'set' })
  const post = (form: string) => {
    const names = Array.from({ length: 60 }, (_, index) => `${form} ${index}`)
    const body = formBody(...names.map((filename) => ({ filename, content: filename.repeat(12) })))
    return ask(`${server.url}/files`, { method: 'POST', headers: formType(), body })
  }
  const forms = ['first', 'second', 'third'].map(post)
  await asked.promise
  await until('all to wait', () => server.store.memoryUsage.waiting >= 3)
  for (let turn = 0; turn < 3; turn++) t.is((await ask(`${server.url}/healthz`)).status, 200)
  t.is(server.store.memoryUsage.waiting, 3)
  gate.resolve()
  for (const answer of await Promise.all(forms)) t.is(answer.status, 201)
  await memoryIsFree(server)
})

test('invariant 7: action results are looked into one after the other where memory is short', async (t) => {
  const engine = new FaultyEngine(memory())
  const server = await startTestServer(t, { engine, store })
  const trees = Array.from({ length: 20 }, (_, index) =>
    field(1, directory({ f: `file ${index}` })),
  )
  for (const [index, tree] of trees.entries()) {
    await server.store.put(`file ${index}`)
    await server.store.put(tree)
  }
  await server.store.put('a')
  const result = message(
    field(2, outputFile('a', 'a')),
    ...trees.map((tree, index) => field(3, outputDirectory(`d${index}`, tree))),
  )
  await server.store.put(result, { name: `ac/${KEY}` })
  const { gate, asked } = hold(engine, { operation: 'touch' })
  const asks = Array.from({ length: 8 }, () => ask(`${server.url}/ac/${KEY}`))
  await asked.promise
  await until('seven to wait', () => server.store.memoryUsage.waiting === 7)
  t.is((await ask(`${server.url}/healthz`)).status, 200)
  gate.resolve()
  for (const answer of await Promise.all(asks)) t.true(answer.body.equals(result))
  await memoryIsFree(server)
  await engine.delete(`c:${Digest.of(Buffer.from('file 19')).hex}`)
  t.is((await ask(`${server.url}/ac/${KEY}`)).headers['cache-status'], 'blobcached; detail=evicted')
})
