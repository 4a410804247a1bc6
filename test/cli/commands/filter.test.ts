import { spawnSync } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import test from 'ava'
import { cliFor } from '../../helpers/cli.ts'
import { startTestServer } from '../../helpers/server.ts'

test('put -r leaves out, takes and rehearses', async (t) => {
  const server = await startTestServer(t)
  const cli = await cliFor(t, server)
  const files = ['a.html', 'a.log', 'sub/b.html', 'sub/.c.log', 'sub/deep/d.html', 'skip/e.html']
  for (const file of files) {
    await mkdir(dirname(cli.path('site', file)), { recursive: true })
    await writeFile(cli.path('site', file), file)
  }
  const dry = async (...args: string[]) => {
    const { stdout } = await cli.ok(['put', '-r', 'site', '--dry-run', ...args])
    return stdout
      .trim()
      .split('\n')
      .map((line) => line.replace('site/', ''))
      .sort()
  }
  t.deepEqual(await dry('--exclude', '*.log'), [
    ...['a.html', 'skip/e.html', 'sub/b.html', 'sub/deep/d.html'],
  ])
  t.deepEqual(await dry('--exclude', 'skip/', '--exclude', 'sub/deep', '--include', '*.html'), [
    ...['a.html', 'sub/b.html'],
  ])
  t.deepEqual(await dry('--include', 'sub/**'), ['sub/.c.log', 'sub/b.html', 'sub/deep/d.html'])
  t.is(await server.store.isReadable({ name: 'site/a.html' }), false)

  await cli.ok(['put', '-r', 'site', '--include', 'a.*'])
  t.true(await server.store.isReadable({ name: 'site/a.log' }))
  t.false(await server.store.isReadable({ name: 'site/sub/b.html' }))
})

test('names that sha256sum escapes are printed and read as it does', async (t) => {
  const server = await startTestServer(t)
  const cli = await cliFor(t, server)
  await mkdir(cli.path('site'))
  await writeFile(cli.path('site/a\\nb'), 'content')

  const { stdout } = await cli.ok(['put', '-r', 'site'])
  const own = spawnSync('sha256sum', ['site/a\\nb'], { cwd: cli.folder, encoding: 'utf8' }).stdout
  t.is(stdout, own)
  t.is((await cli.ok(['get', '--list', '-', '-o', 'out'], { input: own })).code, 0)
  t.is(await readFile(cli.path('out/site/a\\nb'), 'utf8'), 'content')

  const lines = `${own}\\${'f'.repeat(64)}  c\\nd\n`
  const missing = await cli.run(['missing', '--list', '-'], { input: lines })
  t.is(missing.stdout, `\\${'f'.repeat(64)}  c\\nd\n`)
  const wrong = await cli.run(['verify', '--list', '-'], { input: `${own.trim()}\\x\n` })
  t.is(wrong.code, 2)
  t.regex(wrong.stderr, /no name as sha256sum escapes it/)
})

test('verify, stat and rm take the list that put printed', async (t) => {
  const server = await startTestServer(t)
  const cli = await cliFor(t, server)
  for (const name of ['a', 'b']) await writeFile(cli.path(name), `content of ${name}`)
  const { stdout: sums } = await cli.ok(['put', 'a', 'b'])
  await server.store.put('replaced', { name: 'b' })
  const list = (command: string, ...more: string[]) =>
    cli.run([command, '--list', '-', ...more], { input: sums })

  const verified = await list('verify')
  t.is(verified.code, 0, verified.stderr)
  t.regex(verified.stdout, /2 files: 2 intact/)
  const stated = (await list('stat', '--json')).stdout.trim().split('\n')
  t.deepEqual(
    stated.map((line) => JSON.parse(line).hash).sort(),
    sums.match(/[0-9a-f]{64}/g)!.sort(),
  )

  const removed = await list('rm')
  t.is(removed.code, 1)
  t.is(removed.stdout, 'a\n')
  t.regex(removed.stderr, /^blobcached: b: /)
  t.false(await server.store.isReadable({ name: 'a' }))
  t.true(await server.store.isReadable({ name: 'b' }), 'it leads to other content by now')
  t.is((await cli.run(['rm'])).code, 2)
})
