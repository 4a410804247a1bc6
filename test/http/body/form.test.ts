import { createHash } from 'node:crypto'
import test from 'ava'
import { type FileStore, memcached } from '../../../src/index.ts'
import { bytes } from '../../helpers/bytes.ts'
import { BOUNDARY, formBody, formType, type Part } from '../../helpers/form.ts'
import { ask } from '../../helpers/http.ts'
import { startMemcached } from '../../helpers/memcached.ts'
import { startTestServer } from '../../helpers/server.ts'

interface Receipt {
  hash: string
  size: number
  name?: string
  type?: string
  url: string
}

async function post(url: string, parts: Part[], query = '', headers = {}) {
  const answer = await ask(`${url}/files${query}`, {
    method: 'POST',
    headers: { ...formType(), ...headers },
    body: formBody(...parts),
  })
  return { ...answer, receipts: answer.json() as Receipt[] }
}

const contentOf = async (store: FileStore, name: string) => (await store.get({ name })).bytes()

test('each file of a form is stored under its file name, whatever its bytes', async (t) => {
  const { url, store } = await startTestServer(t, { store: { chunkSize: 50_000 } })
  const tricky = '\r\n\r\n--\r\n------formBoundary\r\n------formBoundary7MA4YWxkTrZu0gX\r\n'.repeat(
    999,
  )
  const files = [
    { filename: 'a.txt', type: 'text/plain', content: 'small' },
    { filename: 'empty', type: 'application/octet-stream', content: '' },
    { filename: 'large.bin', type: 'application/x-thing', content: bytes('form', 400_000) },
    { filename: 'dir/naïve 日本 "q".txt', content: tricky },
    { filename: 'crlf', type: 'text/csv; charset=utf-8', content: 'line\r\n'.repeat(50_000) },
  ]
  const { status, receipts } = await post(url, files)
  t.is(status, 201)
  for (const [index, { filename, type, content }] of files.entries()) {
    const receipt = receipts[index]!
    t.is(receipt.name, filename)
    t.is(receipt.type, type)
    t.is(receipt.hash, createHash('sha256').update(content).digest('hex'))
    t.deepEqual(await contentOf(store, filename), Buffer.from(content), filename)
    t.is((await ask(url + receipt.url)).status, 200)
  }
})

test('small and large files may follow each other as they like', async (t) => {
  const { url, store } = await startTestServer(t)
  const sizes = [4096, 0, 32_768, 32_769, 1, 70_000, 100, 65_536, 20_000, 131_072, 5000]
  const files = Array.from({ length: 110 }, (_, index) => ({
    filename: `${index}`,
    content: bytes(index, sizes[index % sizes.length]!),
  }))
  const { status } = await post(url, files)
  t.is(status, 201)
  for (const { filename, content } of files) {
    t.true((await contentOf(store, filename)).equals(content), filename)
  }
})

test('a form reaches real memcached', async (t) => {
  const server = await startMemcached(t)
  const { url, store } = await startTestServer(t, { engine: memcached(server.address) })
  const content = bytes('form to memcached', 3_000_000)
  const { status } = await post(url, [
    { filename: 'x', content },
    { filename: 'y', content: '' },
  ])
  t.is(status, 201)
  t.true((await contentOf(store, 'x')).equals(content))
  t.is((await contentOf(store, 'y')).length, 0)
})

test('fetch, as a browser has it, is understood', async (t) => {
  const { url, store } = await startTestServer(t)
  const form = new FormData()
  form.append('ttl', '60')
  form.append('file', new Blob(['one'], { type: 'text/plain' }), 'ä"b;c.txt')
  form.append('file', new Blob([]), 'two')
  const answer = await fetch(`${url}/files`, { method: 'POST', body: form })
  t.is(answer.status, 201)
  t.like((await answer.json()) as Receipt[], [
    { name: 'ä"b;c.txt', type: 'text/plain' },
    { size: 0 },
  ])
  t.is((await store.get({ name: 'ä"b;c.txt' })).ttl, 60)
})

test('name names the file that follows it, or the only one', async (t) => {
  const { url } = await startTestServer(t)
  const name = (content: string) => ({ field: 'name', content })
  const file = (filename: string) => ({ filename, content: filename })
  const table = [
    { parts: [name('x'), file('a'), file('b'), name('y'), file('c')], names: ['x', 'b', 'y'] },
    { parts: [file('a'), name('x')], names: ['x'] },
    { parts: [file('a')], query: '?name=q', names: ['q'] },
    { parts: [name('dir/ü'), file('')], names: ['dir/ü'] },
    { parts: [{ field: 'comment', content: 'ignored' }, file('a')], names: ['a'] },
    { parts: [file('C:\\fakepath\\a.txt')], names: ['a.txt'] },
    { parts: [{ filename: '', content: 'unnamed' }], names: [undefined] },
  ]
  for (const { parts, query = '', names } of table) {
    const { status, receipts } = await post(url, parts, query)
    t.is(status, 201, JSON.stringify(parts))
    t.deepEqual(
      receipts.map((receipt) => receipt.name),
      names,
    )
  }
})

test('every file is stored under its name, however its header is written', async (t) => {
  const { url, store } = await startTestServer(t)
  const files = [
    ['name="f"; filename="semicolon.txt";', 'semicolon.txt'],
    ['name="f";size=3;filename = "spaces.txt" ', 'spaces.txt'],
    ['filename=token.txt; name=f', 'token.txt'],
    ["name=f; filename*=UTF-8''na%C3%AFve", 'naïve'],
    ['name="f"; filename="a\\"b"', 'a"b'],
    ['name="f"; filename="c%22b"', 'c"b'],
    ['name="f"; filename="a\\b.txt"', 'a\\b.txt'],
    ['name="f";\r\n filename="folded.txt"', 'folded.txt'],
  ] as const
  const parts = files.map(
    ([written, name]) =>
      `--${BOUNDARY} \t\r\ncontent-disposition:form-data; ${written}\r\n\r\n<${name}>\r\n`,
  )
  const body = `A preamble.\r\n${parts.join('')}--${BOUNDARY}-- \r\nAn epilogue.`
  const answer = await ask(`${url}/files`, { method: 'POST', headers: formType(), body })
  t.is(answer.status, 201)
  for (const [, name] of files) t.is((await contentOf(store, name)).toString(), `<${name}>`)
})

test('a form that contradicts itself stores nothing', async (t) => {
  const { url, engine } = await startTestServer(t)
  const name = (content: string) => ({ field: 'name', content })
  const file = (filename: string) => ({ filename, content: filename })
  const table = [
    { parts: [], why: 'no file' },
    { parts: [name('x')], why: 'a name without a file' },
    { parts: [{ filename: '', content: '' }], why: 'a file input that was left empty' },
    { parts: [name('x'), name('y'), file('a')], why: 'two names for one file' },
    { parts: [file('a'), file('b'), name('x')], why: 'a name after several files' },
    { parts: [file('a'), file('a')], why: 'one name for two files' },
    { parts: [file('a'), file('b')], query: '?name=x', why: 'one name for two files' },
    { parts: [name('x'), file('a')], query: '?name=y', why: 'two names for one file' },
    { parts: [file('a')], query: '?name=x&name=y', why: 'two names in the query' },
    { parts: [file('a'), { field: 'ttl', content: 'soon' }], why: 'no lifetime' },
    { parts: [file('a'), { field: 'ttl', content: '999999999' }], why: 'too long a lifetime' },
    {
      parts: [{ field: 'ttl', content: '1' }, { field: 'ttl', content: '2' }, file('a')],
      why: 'two',
    },
    { parts: [file('a'), { field: 'ttl', content: '1' }], query: '?ttl=1', why: 'two lifetimes' },
    { parts: [file('a'), file('b\u0001c')], why: 'no name' },
    { parts: [file('a'), { ...file('b'), type: 'text/\u0001' }], why: 'no type' },
    { parts: [file('a'), file('x'.repeat(1025))], why: 'too long a name' },
  ]
  for (const { parts, query = '', why } of table) {
    const answer = await post(url, parts, query)
    t.is(answer.status, 400, why)
    t.like(answer.json(), { reason: 'bad-request' }, why)
  }
  t.deepEqual(
    (await Promise.all(['a', 'b', 'x'].map((each) => ask(`${url}/files/${each}`)))).map(
      (a) => a.status,
    ),
    [404, 404, 404],
  )
  t.true((await engine.stats())[0]!.items! <= 8) // Chunks that nothing leads to.
})

test('a form that is coded, a part of one or a link is refused, and stores nothing', async (t) => {
  const { url, store } = await startTestServer(t)
  const { hash } = await store.put('content')
  const table: [headers: Record<string, string>, query: string, status: number][] = [
    [{ 'Content-Encoding': 'foo' }, '', 415],
    [{ 'Content-Encoding': 'gzip' }, '', 415],
    [{ 'Content-Range': 'bytes 0-1/2' }, '', 400],
    [{}, `?from=${hash}`, 400],
  ]
  for (const [headers, query, status] of table) {
    const answer = await post(url, [{ filename: 'a', content: 'a' }], query, headers)
    t.is(answer.status, status, JSON.stringify([headers, query]))
    t.is(answer.headers['accept-encoding'], status === 415 ? 'identity' : undefined)
    t.false(await store.isReadable({ name: 'a' }))
  }
  const plain = { 'Content-Encoding': 'identity' }
  t.is((await post(url, [{ filename: 'a', content: 'a' }], '', plain)).status, 201)
})

test('one file that cannot be stored keeps all of them from it', async (t) => {
  const { url, store } = await startTestServer(t, { store: { chunkSize: 1000, maxFileSize: 5000 } })
  await store.put('there', { name: 'there' })
  const small = { filename: 'small', content: 'small' }

  const large = await post(url, [small, { filename: 'large', content: 'x'.repeat(5001) }, small])
  t.is(large.status, 413)
  const taken = [small, { filename: 'there', content: 'again' }]
  t.is((await post(url, taken, '', { 'If-None-Match': '*' })).status, 412)
  t.is((await ask(`${url}/files/small`)).status, 404)
  t.is((await post(url, taken)).status, 201)
  t.is((await contentOf(store, 'there')).toString(), 'again')
})

test('a digest that the form carries must fit its body', async (t) => {
  const { url } = await startTestServer(t)
  const parts = [{ filename: 'a', content: 'content' }]
  const digestOf = (body: Buffer) => createHash('sha256').update(body).digest('base64')
  const wrong = { 'Content-Digest': `sha-256=:${digestOf(Buffer.from('x'))}:` }
  t.like((await post(url, parts, '', wrong)).json(), { reason: 'digest-mismatch' })
  t.is((await ask(`${url}/files/a`)).status, 404)
  const right = { 'Content-Digest': `sha-256=:${digestOf(formBody(...parts))}:` }
  t.is((await post(url, parts, '', right)).status, 201)
})
