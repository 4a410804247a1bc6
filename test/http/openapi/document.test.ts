import { Validator } from '@seriousme/openapi-schema-validator'
import test from 'ava'
import { createApp } from '../../../src/http/index.ts'
import { FileStore, memory } from '../../../src/index.ts'
import { formBody, formType } from '../../helpers/form.ts'
import { type Ask, ask } from '../../helpers/http.ts'
import { METHODS, OpenApi } from '../../helpers/openapi.ts'
import { startTestServer } from '../../helpers/server.ts'

const none = '0'.repeat(64)

interface Layer {
  path: string | RegExp
  methods: string[]
}

/** What the router of an application answers. PROPFIND has no place in OpenAPI. */
function routes(): Layer[] {
  const app = createApp(new FileStore(memory()))
  const router = app.middleware.map((each) => Reflect.get(each, 'router')).find(Boolean)
  return (router.stack as Layer[])
    .map(({ path, methods }) => ({
      path,
      methods: methods
        .map((method) => method.toLowerCase())
        .filter((each) => METHODS.includes(each)),
    }))
    .filter(({ methods }) => methods.length > 0)
}

/** `/files/*name` as OpenAPI writes it. */
const template = (path: string) => path.replace(/[:*](\w+)/g, '{$1}')

/** A path of that template, for patterns of the router that are regular expressions. */
const example = (path: string) =>
  path.replace('{prefix}', 'p').replace('{hash}', none).replace('{key}', 'k')

function isFor({ path }: Layer, described: string): boolean {
  return typeof path === 'string' ? template(path) === described : path.test(example(described))
}

test('the document is valid OpenAPI 3.1 and served as it is', async (t) => {
  const { url } = await startTestServer(t)
  const answer = await ask(`${url}/openapi.json`)
  t.is(answer.status, 200)
  t.regex(answer.headers['content-type']!, /^application\/json/)
  const validator = new Validator()
  const { valid, errors } = await validator.validate(answer.json() as Record<string, unknown>)
  t.true(valid, JSON.stringify(errors, null, 2))
  t.is(validator.version, '3.1')
  const { headers } = answer
  const again = await ask(`${url}/openapi.json`, { headers: { 'If-None-Match': headers.etag! } })
  t.is(again.status, 304)
})

test('the document is made once, also below a base path', async (t) => {
  const { url } = await startTestServer(t, { basePath: '/once' })
  const { stringify } = JSON
  let made = 0
  JSON.stringify = (value: unknown, ...rest: unknown[]) => {
    if (Object(value).servers?.[0]?.url === '/once') made++
    return Reflect.apply(stringify, JSON, [value, ...rest])
  }
  t.teardown(() => Object.assign(JSON, { stringify }))
  for (let i = 0; i < 3; i++) t.is((await ask(`${url}/openapi.json`)).status, 200)
  t.is(made, 1)
})

test('every route is described', (t) => {
  const { operations } = new OpenApi()
  for (const layer of routes()) {
    for (const method of layer.methods) {
      const isDescribed = operations.some(
        (each) => each.method === method && isFor(layer, each.path),
      )
      t.true(isDescribed, `${method} ${layer.path}`)
    }
  }
})

test('everything described has a route', (t) => {
  const layers = routes()
  for (const { method, path } of new OpenApi().operations) {
    const hasRoute = layers.some((layer) => layer.methods.includes(method) && isFor(layer, path))
    t.true(hasRoute, `${method} ${path}`)
  }
})

test('operations have names of their own', (t) => {
  const { document, operations } = new OpenApi()
  const ids = operations.map(({ path, method }) =>
    Reflect.get(document.paths[path]![method]!, 'operationId'),
  )
  const given = ids.filter(Boolean)
  t.is(new Set(given).size, given.length)
})

test('what the server answers is what the document says', async (t) => {
  const { url, store } = await startTestServer(t, { store: { chunkSize: 10, maxFileSize: 1000 } })
  const { hash } = await store.put('some content, twice ten bytes', {
    name: 'f',
    type: 'text/plain',
  })
  const lost = await store.put('some content of a lost chunk', { name: 'lost' })
  const { manifest } = await store.get(lost.hash)
  await store.engine.delete(`c:${manifest.chunk(2).digest.hex}`)
  const json = { 'Content-Type': 'application/json' }
  const file = '/files/{name}'
  const blob = '/blobs/{hash}'
  const cases: [status: number, template: string, path: string, ask?: Ask][] = [
    [200, file, '/files/f'],
    [200, file, '/files/f?download&verify=stream', { headers: { 'Want-Digest': 'sha-256' } }],
    [200, file, '/files/f?manifest'],
    [200, file, '/files/f?health'],
    [200, `${blob}/repair`, `/blobs/${hash}/repair`, { method: 'POST' }],
    [404, `${blob}/repair`, `/blobs/${none}/repair`, { method: 'POST' }],
    [200, file, '/files/f', { method: 'HEAD' }],
    [206, file, '/files/f', { headers: { Range: 'bytes=1-2' } }],
    [206, file, '/files/f', { headers: { Range: 'bytes=1-2,5-6' } }],
    [304, file, '/files/f', { headers: { 'If-None-Match': '*' } }],
    [400, file, '/files/f?verify=x'],
    [404, file, '/files/none'],
    [404, file, '/files/lost'],
    [404, file, '/files/lost', { method: 'HEAD' }],
    [405, file, '/files/f', { method: 'PATCH' }],
    [412, file, '/files/f', { headers: { 'If-Match': '"x"' } }],
    [414, file, `/files/${'x'.repeat(9000)}`],
    [416, file, '/files/f', { headers: { Range: 'bytes=99-' } }],
    [201, file, '/files/new', { method: 'PUT', body: 'x' }],
    [200, file, '/files/new', { method: 'PUT', body: 'y' }],
    [201, file, `/files/linked?from=${hash}`, { method: 'PUT' }],
    [404, file, `/files/linked?from=${none}`, { method: 'PUT' }],
    [400, file, '/files/new?ttl=x', { method: 'PUT', body: 'x' }],
    [412, file, '/files/new', { method: 'PUT', body: 'x', headers: { 'If-None-Match': '*' } }],
    [413, file, '/files/new', { method: 'PUT', body: 'x'.repeat(1001) }],
    [415, file, '/files/new', { method: 'PUT', body: 'x', headers: { 'Content-Encoding': 'x' } }],
    [417, file, '/files/new', { method: 'PUT', headers: { Expect: 'x' } }],
    [201, file, '/files/created', { method: 'POST', body: 'x' }],
    [409, file, '/files/created', { method: 'POST', body: 'x' }],
    [204, file, '/files/created', { method: 'DELETE' }],
    [404, file, '/files/created', { method: 'DELETE' }],
    [201, '/files', '/files', { method: 'POST', body: 'by hash' }],
    [200, '/files', '/files', { method: 'POST', body: 'by hash' }],
    [
      201,
      '/files',
      '/files',
      { method: 'POST', headers: formType(), body: formBody({ filename: 'a', content: 'x' }) },
    ],
    [400, '/files', '/files', { method: 'POST', headers: formType(), body: 'no form' }],
    [200, blob, `/blobs/${hash}`],
    [200, blob, `/blobs/${hash}`, { method: 'HEAD' }],
    [206, blob, `/blobs/${hash}`, { headers: { Range: 'bytes=-3' } }],
    [400, blob, '/blobs/short'],
    [404, blob, `/blobs/${none}`],
    [404, blob, `/blobs/${lost.hash}`],
    [200, blob, `/blobs/${hash}`, { method: 'PUT', body: 'some content, twice ten bytes' }],
    [400, blob, `/blobs/${none}`, { method: 'PUT', body: 'x' }],
    [200, '/blobs/{hash}/manifest', `/blobs/${hash}/manifest`],
    [200, '/blobs/{hash}/health', `/blobs/${lost.hash}/health`],
    [404, '/blobs/{hash}/health', `/blobs/${none}/health`],
    [
      200,
      '/blobs/missing',
      '/blobs/missing',
      { method: 'POST', headers: json, body: `{"hashes":["${none}"]}` },
    ],
    [400, '/blobs/missing', '/blobs/missing', { method: 'POST', headers: json, body: '{' }],
    [
      200,
      '/blobs/batch',
      '/blobs/batch',
      { method: 'POST', headers: json, body: `{"hashes":["${hash}"]}` },
    ],
    [
      404,
      '/blobs/batch',
      '/blobs/batch',
      { method: 'POST', headers: json, body: `{"hashes":["${hash}","${none}"]}` },
    ],
    [204, blob, `/blobs/${hash}?purge`, { method: 'DELETE' }],
    [404, blob, `/blobs/${hash}`, { method: 'DELETE' }],
    [200, '/healthz', '/healthz'],
    [200, '/readyz', '/readyz'],
    [200, '/metrics', '/metrics'],
    [200, '/fleet', '/fleet'],
    [200, '/openapi.json', '/openapi.json'],
    [201, '/{prefix}/ac/{hash}', `/p/ac/${none}`, { method: 'PUT', body: 'x' }],
    [200, '/{prefix}/ac/{hash}', `/p/ac/${none}`],
    [404, '/{prefix}/cas/{hash}', `/p/cas/${none}`],
    [200, '/{prefix}/v8/artifacts/{key}', '/v8/artifacts/k', { method: 'PUT', body: 'x' }],
    [200, '/{prefix}/v8/artifacts/{key}', '/v8/artifacts/k'],
    [
      200,
      '/{prefix}/v8/artifacts',
      '/v8/artifacts',
      { method: 'POST', headers: json, body: '{"hashes":["k"]}' },
    ],
    [200, '/{prefix}/v1/cache/{key}', '/v1/cache/k', { method: 'PUT', body: 'x' }],
    [200, '/{prefix}/v1/cache/{key}', '/v1/cache/k'],
  ]
  const openApi = new OpenApi()
  for (const [status, path, target, request = {}] of cases) {
    const { method = 'GET' } = request
    const answer = await ask(url + target, request)
    t.is(answer.status, status, `${method} ${target.slice(0, 80)}: ${answer.text.slice(0, 200)}`)
    const described = METHODS.includes(method.toLowerCase()) ? method : 'GET'
    t.deepEqual(openApi.faultsOf(described, path, answer), [], `${method} ${target.slice(0, 80)}`)
  }
})

test('the check of answers finds what is wrong', async (t) => {
  const openApi = new OpenApi()
  const { url } = await startTestServer(t)
  const answer = await ask(`${url}/healthz`)
  t.deepEqual(openApi.faultsOf('GET', '/healthz', answer), [])
  t.not(openApi.faultsOf('GET', '/healthz', { ...answer, status: 299 }).length, 0)
  t.not(openApi.faultsOf('GET', '/fleet', answer).length, 0)
  t.not(openApi.faultsOf('GET', '/blobs/{hash}', answer).length, 0)
})
