import { writeFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import test from 'ava'
import { cliFor } from '../../helpers/cli.ts'
import { listen, startTestServer } from '../../helpers/server.ts'

const ESCAPES = '\u001b]0;title\u0007\u001b[31mred\u009b2J\u202e'
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const ACTED_ON = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/

test('what a server says is shown without what a terminal would act on', async (t) => {
  const problem = JSON.stringify({ reason: ESCAPES, detail: ESCAPES, title: ESCAPES })
  const hash = 'a'.repeat(64)
  const health = { hash: ESCAPES, size: 1, chunkSize: 1, chunks: [], counts: {}, state: ESCAPES }
  const receipt = { hash, name: ESCAPES, size: 1, chunks: 1 }
  const url = await listen(t, (req, res) => {
    const answer = (status: number, body: string) => void res.writeHead(status).end(body)
    if (req.url?.includes('health')) return answer(200, JSON.stringify(health))
    if (req.method === 'DELETE') return answer(200, JSON.stringify(receipt))
    return answer(400, problem)
  })
  const cli = await cliFor(t, { url })
  for (const args of [['get', 'a'], ['stat', 'a'], ['verify', 'a'], ['rm', 'a'], ['fleet']]) {
    const { stdout, stderr } = await cli.run([...args, '--json'])
    t.notRegex(stdout + stderr, ACTED_ON, args.join(' '))
    const text = await cli.run(args)
    t.notRegex(text.stdout + text.stderr, ACTED_ON, args.join(' '))
  }
})

test('names in a list are shown without what a terminal would act on, and are no paths', async (t) => {
  const server = await startTestServer(t)
  const cli = await cliFor(t, server)
  const line = `${'a'.repeat(64)}  ${ESCAPES}\n`
  const got = await cli.run(['get', '--list', '-'], { input: line })
  t.is(got.code, 1)
  const checked = await cli.run(['verify', '--list', '-'], { input: line })
  t.is(checked.code, 3)
  for (const { stdout, stderr } of [got, checked]) t.notRegex(stdout + stderr, ACTED_ON)
})

test('answers and lists that do not end are not read for ever', async (t) => {
  const endless = (res: ServerResponse) => {
    const bytes = Buffer.alloc(1024 * 1024, ' ')
    const write = () => {
      while (!res.destroyed && res.write(bytes));
    }
    res.on('drain', write)
    write()
  }
  const url = await listen(t, (_req, res) => endless(res))
  const cli = await cliFor(t, { url })
  const { code, stderr } = await cli.run(['verify', 'a'])
  t.is(code, 1)
  t.regex(stderr, /^blobcached: a: the answer does not end\n$/)
  const list = await cli.run(['get', '--list', '/dev/zero'])
  t.is(list.code, 2)
  t.regex(list.stderr, /more than 64 MiB/)
})

test('what is not JSON is named, not printed', async (t) => {
  const url = await listen(t, (_req, res) => void res.end('<html>'))
  const cli = await cliFor(t, { url })
  const { code, stderr } = await cli.run(['stat', 'a'])
  t.is(code, 1)
  t.regex(stderr, /answered with something else than JSON\n$/)
  await writeFile(cli.path('a'), 'a')
  t.is((await cli.run(['put', 'a'])).code, 1)
})

test('an answer that does not tell the hash is no reason to link nothing, or to call it missing', async (t) => {
  const methods: unknown[] = []
  const url = await listen(t, (req, res) => {
    methods.push(req.method)
    res.end('content')
  })
  const cli = await cliFor(t, { url })
  for (const args of [
    ['link', 'a', 'b'],
    ['missing', 'a'],
    ['repair', 'a'],
  ]) {
    const { code, stdout, stderr } = await cli.run(args)
    t.is(code, 1, args.join(' '))
    t.regex(stderr, /the response has no digest/)
    t.is(stdout, '')
  }
  t.deepEqual(methods, ['GET', 'GET', 'GET'])
})
