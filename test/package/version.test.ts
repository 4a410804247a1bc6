import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import test from 'ava'
import { VERSION } from '../../src/version.ts'
import { ROOT } from '../helpers/packed.ts'

const run = promisify(execFile)
const MANIFEST = 'deploy/kubernetes/blobcached.yaml'
const VERSIONED = ['package.json', 'package-lock.json', 'src/version.ts', MANIFEST]

test('the version is the same wherever it stands', async (t) => {
  const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'))
  t.is(VERSION, version)
  const manifest = await readFile(join(ROOT, MANIFEST), 'utf8')
  t.true(manifest.includes(`image: blobcached:${version}\n`))
})

test('the changelog has a section for each release, the newest first, and one for what comes', async (t) => {
  const text = await readFile(join(ROOT, 'CHANGELOG.md'), 'utf8')
  const [first, ...releases] = Array.from(text.matchAll(/^## (.*)$/gm), ([, title]) => title!)
  t.is(first, 'Unreleased')
  for (const title of releases) t.regex(title, /^\d+\.\d+\.\d+ \(\d{4}-\d\d-\d\d\)$/)
  const dates = releases.map((title) => title.slice(-11))
  t.deepEqual(dates, dates.toSorted().reverse())
})

test('`npm version` makes a release: one commit with a tag, a dated section, one version', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'blobcached-release-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  for (const file of [...VERSIONED, 'scripts/release.js']) {
    await cp(join(ROOT, file), join(folder, file))
  }
  await writeFile(
    join(folder, 'CHANGELOG.md'),
    '## Unreleased\n\n- New.\n\n## 0.0.1 (2020-01-01)\n',
  )
  const env = { ...process.env }
  for (const role of ['AUTHOR', 'COMMITTER']) {
    Object.assign(env, { [`GIT_${role}_NAME`]: 'test', [`GIT_${role}_EMAIL`]: 'test@localhost' })
  }
  const git = (...args: string[]) => run('git', args, { cwd: folder, env })
  await git('init', '--quiet')
  await git('add', '--all')
  await git('commit', '--quiet', '--message', 'before')
  await run('npm', ['version', '99.1.0', '--no-fund'], { cwd: folder, env })

  t.is((await git('status', '--porcelain')).stdout, '')
  t.is((await git('describe', '--tags')).stdout, 'v99.1.0\n')
  const read = (file: string) => readFile(join(folder, file), 'utf8')
  t.regex(
    await read('CHANGELOG.md'),
    /^## Unreleased\n\n## 99\.1\.0 \(\d{4}-\d\d-\d\d\)\n\n- New\.\n\n## 0\.0\.1 /,
  )
  t.true((await read('src/version.ts')).includes(`VERSION = '99.1.0'`))
  t.true((await read(MANIFEST)).includes('image: blobcached:99.1.0\n'))
  // There is nothing to release twice.
  await t.throwsAsync(run('npm', ['version', '99.2.0'], { cwd: folder, env }))
})
