import { cpSync } from 'node:fs'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'

const COPIED = ['', '.html', '.css', '.svg']
const path = (relative) => fileURLToPath(new URL(relative, import.meta.url))

// The compiler leaves behind what is not TypeScript.
cpSync(path('../src/web'), path('../dist/web'), {
  recursive: true,
  filter: (source) => COPIED.includes(extname(source)),
})
