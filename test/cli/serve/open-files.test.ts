import { execFileSync } from 'node:child_process'
import test from 'ava'
import { fitConnections, maxOpenFiles } from '../../../src/cli/serve/open-files.ts'

test('twice the connections, and what else a process needs, fit the files that it may open', (t) => {
  t.is(fitConnections(4096, 1024), 448)
  t.is(fitConnections(100, 1024), 100)
  t.is(fitConnections(4096, 100), 1)
  t.is(fitConnections(4096, Number.POSITIVE_INFINITY), 4096)
})

test('the limit is that of this process', (t) => {
  const hard = execFileSync('sh', ['-c', 'ulimit -Hn']).toString().trim()
  t.is(maxOpenFiles(), hard === 'unlimited' ? Number.POSITIVE_INFINITY : Number(hard))
})
