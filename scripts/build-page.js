import { cpSync } from 'node:fs'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const COPIED = ['.html', '.css', '.svg']
const path = (relative) => fileURLToPath(new URL(relative, import.meta.url))

// One script: the server serves no folders of the page, nor what it imports of src/api.
await build({
  entryPoints: [path('../src/web/main.ts')],
  outfile: path('../dist/web/main.js'),
  bundle: true,
  format: 'esm',
  target: 'es2023',
  logLevel: 'warning',
})
cpSync(path('../src/web'), path('../dist/web'), {
  recursive: true,
  filter: (source) => source.endsWith('web') || COPIED.includes(extname(source)),
})
