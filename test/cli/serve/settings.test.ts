import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { serveCommand } from '../../../src/cli/commands/serve.ts'
import { cliFor } from '../../helpers/cli.ts'
import { startServe } from '../../helpers/serve.ts'
import { startTestServer } from '../../helpers/server.ts'

const HUSH = 'hush-hush-hush'

/** What `serve` says of settings that it refuses, before anything listens. */
async function refusal(args: readonly string[], env: Readonly<Record<string, string>>) {
  Object.assign(process.env, env)
  const command = serveCommand()
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
  try {
    await command.parseAsync(args, { from: 'user' })
  } catch (error) {
    return error as Error & { code: string }
  } finally {
    for (const name of Object.keys(env)) delete process.env[name]
  }
  throw new Error('it was not refused')
}

for (const [args, env, complaint] of [
  [['--port', 'abc'], {}, /--port.*whole number from 0 to 65535/],
  [[], { BLOBCACHED_CHUNK_SIZE: 'big' }, /BLOBCACHED_CHUNK_SIZE.*number of bytes/],
  [['--no-such-flag'], {}, /unknown option '--no-such-flag'/],
  [['--memcached', 'host:port'], {}, /--memcached: .*port/],
  [[], { BLOBCACHED_MEMCACHED: 'host:99999999' }, /BLOBCACHED_MEMCACHED: .*port/],
  [['--token-file', '/no/such/file'], {}, /--token-file: cannot read \/no\/such\/file: ENOENT/],
  [['--secret-file', '/dev/null'], {}, /--secret-file: \/dev\/null is empty/],
  [[], { BLOBCACHED_TOKEN: '' }, /BLOBCACHED_TOKEN is empty/],
  [[], { BLOBCACHED_SECRET: `${HUSH},` }, /BLOBCACHED_SECRET is empty/],
  [['--token', `${HUSH}\u0007`], {}, /--token takes printable ASCII/],
  [['--public-read'], {}, /--public-read needs a --token/],
  [[], { BLOBCACHED_PUBLIC_READ: 'maybe' }, /BLOBCACHED_PUBLIC_READ.*true or false/],
  [['--tls-cert', '/dev/null', '--tls-key', '/dev/null'], {}, /--tls-cert: the TLS certificate/],
  [['--tls-key', '/dev/null'], {}, /--tls-cert and --tls-key go together/],
  [['--cors-origin', 'https://a.example/'], {}, /--cors-origin.*origins such as/],
  [['--allowed-host', 'http://x'], {}, /--allowed-host.*hosts such as cache\.example/],
  [['--ttl', '20000d'], {}, /--ttl.*up to 3650d/],
  [['--base-path', 'cache'], {}, /--base-path.*such as \/cache/],
  [[], { BLOBCACHED_BASE_PATH: '/files' }, /BLOBCACHED_BASE_PATH.*does not begin as a path of/],
  [['--key-prefix', 'a b'], {}, /--key-prefix.*no spaces/],
  [['--origin', 'files.example'], {}, /--origin: an origin is an http or https URL/],
  [[], { BLOBCACHED_ORIGIN: `https://u:${HUSH}@x/?a` }, /BLOBCACHED_ORIGIN: .*without a query/],
  [['--origin', 'https://x/', '--origin-blobs', 'https://x/'], {}, /--origin-blobs: .*\{hash\}/],
  [['--origin-ttl', '1m'], {}, /--origin-ttl needs --origin/],
  [
    ['--origin', 'https://x/'],
    { BLOBCACHED_ORIGIN_AUTHORIZATION: `${HUSH}\u0007` },
    /BLOBCACHED_ORIGIN_AUTHORIZATION: .*ASCII/,
  ],
  [
    ['--origin', 'https://x/', '--origin-authorization-file', '/no/such/file'],
    {},
    /--origin-authorization-file: cannot read/,
  ],
] as const) {
  const what = [...args, ...Object.keys(env)].join(' ').replaceAll(HUSH, '…')
  test.serial(`serve refuses ${JSON.stringify(what)} and says why`, async (t) => {
    const { message, code } = await refusal(args, env)
    t.regex(message, complaint)
    t.regex(code, /^(commander\.|bad-request)/)
    t.notRegex(message, new RegExp(HUSH))
  })
}

test.serial('a wrong setting exits with 2, a port that is taken with 1 and one line', async (t) => {
  const cli = await cliFor(t, { url: '' })
  t.is((await cli.run(['serve', '--port', 'abc'])).code, 2)
  const { url } = await startTestServer(t)
  const { port } = new URL(url)
  const { code, stderr } = await cli.run(['serve', '--port', port])
  t.is(code, 1)
  t.regex(stderr, new RegExp(`^blobcached: cannot listen on .*--port ${port}: something else.*\n$`))
})

test.serial('--base-path is part of the address, and of what is said to be stored', async (t) => {
  const serving = await startServe(t, ['--base-path', '/cache'])
  t.regex(serving.url, /:\d+\/cache$/)
  const cli = await cliFor(t, serving)
  const receiptOf = async (...args: string[]) =>
    JSON.parse((await cli.ok(['put', '--json', ...args], { input: 'content' })).stdout) as object
  t.like(await receiptOf('-', '--name', 'a b'), { url: '/cache/files/a%20b' })
  await writeFile(cli.path('file'), 'content')
  // The server has it, so that it is not sent again.
  const { url } = (await receiptOf('--no-name', 'file')) as { url: string }
  t.regex(url, /^\/cache\/blobs\//)
  t.is((await cli.ok(['get', '-o', '-', 'a b'])).stdout, 'content')
})

async function tokenFile(t: ExecutionContext, content: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'blobcached-tokens-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const file = join(folder, 'tokens')
  await writeFile(file, content)
  return file
}

test.serial('--print-config tells what is in force, and how many secrets there are', async (t) => {
  const file = await tokenFile(t, 'from-file-1\r\n\n  from-file-2\n')
  const cli = await cliFor(t, { url: '' })
  const { stdout, stderr } = await cli.ok(
    ['serve', '--print-config', '--chunk-size', '64KiB', '--secret', HUSH, '--token-file', file],
    {
      env: {
        BLOBCACHED_CHUNK_SIZE: '1MiB',
        BLOBCACHED_TOKEN: `${HUSH}-1,${HUSH}-2`,
        BLOBCACHED_MEMCACHED: `user:${HUSH}@127.0.0.1:1`,
        MEMCACHE_PASSWORD: HUSH,
        BLOBCACHED_MEMCACHED_PAGE_MOVER: 'off',
        BLOBCACHED_ORIGIN: `https://user:${HUSH}@files.example/`,
        BLOBCACHED_ORIGIN_AUTHORIZATION: HUSH,
      },
    },
  )
  t.like(JSON.parse(stdout), {
    chunkSize: 65_536,
    token: '2 set',
    secret: '1 set',
    memcached: '***@127.0.0.1:1',
    memcachedPassword: '1 set',
    memcachedPageMover: false,
    origin: 'https://***@files.example/',
    originAuthorization: '1 set',
    publicRead: false,
  })
  t.notRegex(stdout + stderr, new RegExp(`${HUSH}|from-file`))
})

test.serial(
  'tokens come from flags, the environment and files, and are seen nowhere',
  async (t) => {
    const file = await tokenFile(t, `${HUSH}-file-1\n${HUSH}-file-2\n`)
    const flags = ['--token', `${HUSH}-a,${HUSH}-b`, '--token', `${HUSH}-c`, '--token-file', file]
    const serving = await startServe(t, flags, {
      BLOBCACHED_READ_TOKEN: `${HUSH}-reader`,
      BLOBCACHED_SECRET: `${HUSH}-secret`,
    })
    const ask = (method: string, path: string, token: string) =>
      fetch(serving.url + path, { method, headers: { Authorization: `Bearer ${token}` } })
    const status = async (method: string, token: string) =>
      (await ask(method, `/files/x?token=${HUSH}`, token)).status
    for (const suffix of ['a', 'b', 'c', 'file-1', 'file-2']) {
      t.is(await status('DELETE', `${HUSH}-${suffix}`), 404, suffix)
    }
    t.is(await status('GET', `${HUSH}-reader`), 404)
    t.is(await status('DELETE', `${HUSH}-reader`), 403)
    t.is(await status('GET', `${HUSH}-a,${HUSH}-b`), 401)
    const metrics = await ask('GET', '/metrics', `${HUSH}-reader`)
    t.notRegex(await metrics.text(), new RegExp(HUSH))
    if (process.platform === 'linux') {
      t.notRegex(await readFile(`/proc/${serving.pid}/cmdline`, 'utf8'), new RegExp(HUSH))
    }
    serving.signal('SIGTERM')
    const { code, stdout, stderr } = await serving.result
    t.is(code, 0)
    t.regex(stdout, /"status":404/)
    t.notRegex(stdout + stderr, new RegExp(HUSH))
  },
)
