import { execFile, spawnSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import test from 'ava'
import { cliFor } from '../../helpers/cli.ts'

const run = promisify(execFile)
const NOWHERE = { url: 'http://127.0.0.1:1' }

test('every command has help with an example of each thing to know', async (t) => {
  const cli = await cliFor(t, NOWHERE)
  const { stdout } = await cli.ok(['--help'])
  const commands = ['put', 'get', 'fetch', 'stat', 'verify', 'rm']
  commands.push('link', 'repair', 'missing', 'fleet', 'completion')
  for (const command of ['serve', ...commands]) t.regex(stdout, new RegExp(`^  ${command} `, 'm'))
  const helps = await Promise.all(commands.map((command) => cli.ok([command, '--help'])))
  for (const help of helps) t.regex(help.stdout, /^Examples:\n {2}\S/m)
})

test('what is mistyped exits with 2 and a suggestion', async (t) => {
  const cli = await cliFor(t, NOWHERE)
  const cases: [string[], RegExp][] = [
    [['verfy', 'a'], /Did you mean verify/],
    [['get', 'a', '--ouput', 'b'], /Did you mean --output/],
    [['completion', 'csh'], /Allowed choices are bash, zsh, fish/],
    [['get', 'a', '--jobs', '0'], /whole number from 1/],
  ]
  const results = await Promise.all(cases.map(([args]) => cli.run(args)))
  for (const [index, { code, stderr }] of results.entries()) {
    t.is(code, 2, stderr)
    t.regex(stderr, cases[index]![1])
  }
})

test('bash completes commands, flags and shells', async (t) => {
  const cli = await cliFor(t, NOWHERE)
  const { stdout: script } = await cli.ok(['completion', 'bash'])
  await writeFile(cli.path('script'), script)
  const complete = async (...words: string[]) => {
    const ask = `source ./script; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _blobcached; echo "\${COMPREPLY[*]}"`
    const { stdout } = await run('bash', ['-c', ask, '-', ...words], { cwd: cli.folder })
    return stdout.trim()
  }
  t.is(await complete('blobcached', 've'), 'verify')
  t.is(await complete('blobcached', 'put', '--rec'), '--recursive')
  t.is(await complete('blobcached', 'completion', ''), 'bash zsh fish')
  t.is(await complete('blobcached', 'put', 'file'), '')
})

for (const shell of ['zsh', 'fish']) {
  const isHere = spawnSync(shell, ['--version']).status === 0
  const testIf = isHere ? test : test.skip
  testIf(`${shell} takes its completion script`, async (t) => {
    const cli = await cliFor(t, NOWHERE)
    const { stdout: script } = await cli.ok(['completion', shell])
    await writeFile(cli.path('script'), script)
    await t.notThrowsAsync(run(shell, ['-n', cli.path('script')]))
    if (shell !== 'fish') return
    const complete = async (line: string) => {
      const ask = `source ./script; complete -C '${line}'`
      return (await run('fish', ['--no-config', '-c', ask], { cwd: cli.folder })).stdout
    }
    t.regex(await complete('blobcached mis'), /^missing\t/)
    t.regex(await complete('blobcached put --dry'), /^--dry-run\t/)
    t.regex(await complete('blobcached completion z'), /^zsh/)
  })
}
