// Runs within `npm version <version>`, before its commit: dates the changelog and writes the version wherever it stands.
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'

const { version } = JSON.parse(readFileSync('package.json', 'utf8'))
const today = new Date().toISOString().slice(0, 10)

/** What is replaced where; each has to be found. */
const EDITS = {
  'CHANGELOG.md': [/^## Unreleased\n+(?!\n|## )/m, `## Unreleased\n\n## ${version} (${today})\n\n`],
  'src/version.ts': [/(?<=VERSION = ')[^']+/, version],
  'deploy/kubernetes/blobcached.yaml': [/(?<=image: blobcached:)\S+/, version],
}

for (const [file, [pattern, replacement]] of Object.entries(EDITS)) {
  const text = readFileSync(file, 'utf8')
  if (!pattern.test(text)) throw new Error(`${file}: there is nothing to release, no ${pattern}`)
  writeFileSync(file, text.replace(pattern, replacement))
}
execFileSync('git', ['add', ...Object.keys(EDITS)])
