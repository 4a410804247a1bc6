/** Runs a short set of tests under each supported Node.js but this one's major. Arguments go to ava. */

import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../helpers/packed.ts'
import { installNodes } from '../helpers/runtimes.ts'

const { engines } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))

const majorOf = (version: string) => version.split('.')[0]
/** The oldest, and the newest of each major version; `npm test` runs everything under this one. */
const VERSIONS = [engines.node.replace('>=', ''), '22', '24', '26'].filter(
  (version) => majorOf(version) !== majorOf(process.versions.node),
)

/** What depends most on the engine: sockets, streams, memory, threads, processes. */
const FILES = [
  'test/engine/memory.test.ts',
  'test/engine/memcached.test.ts',
  'test/store/memory/arena.test.ts',
  'test/store/memory/pool.test.ts',
  'test/store/reading/lent-memory.test.ts',
  'test/store/hashing/hash-thread.test.ts',
  'test/http/fuzz.test.ts',
  'test/http/content/get.test.ts',
  'test/http/content/put.test.ts',
  'test/http/content/range.test.ts',
  'test/http/content/sent-memory.test.ts',
  'test/http/exchange/pipelined.test.ts',
  'test/http/listen/tls.test.ts',
  'test/cli/commands/get.test.ts',
  'test/cli/serve/lifecycle.test.ts',
]

let isAnyWrong = false
for (const node of await installNodes(VERSIONS)) {
  console.log(`# Node.js ${spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim()}`)
  const args = ['node_modules/ava/entrypoints/cli.mjs', ...process.argv.slice(2), ...FILES]
  const { status } = spawnSync(node, args, { cwd: ROOT, stdio: 'inherit' })
  isAnyWrong ||= status !== 0
}
process.exitCode = isAnyWrong ? 1 : 0
