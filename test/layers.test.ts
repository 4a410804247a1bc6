import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'

const SRC = fileURLToPath(new URL('../src', import.meta.url))

/** What each layer may import of ours beside itself; a folder ends with a slash. */
const MAY_IMPORT: Record<string, string[]> = {
  'store/': [
    'digest.ts',
    'errors.ts',
    'known-names.ts',
    'or-aborted.ts',
    'stream-pieces.ts',
    'engine/engine.ts',
    'engine/key.ts',
  ],
  // A file answers a web `Request` with what goes over the wire.
  'store/reading/web-response.ts': ['store/', 'digest.ts', 'api/'],
  'engine/': ['digest.ts', 'errors.ts', 'known-names.ts'],
  'api/': ['digest.ts', 'errors.ts'],
  // A client of the servers that have the files, for the server alone.
  'origin/': ['api/', 'index.ts', 'known-names.ts', 'stream-pieces.ts', 'transport.ts'],
  'http/': [
    'api/',
    'index.ts',
    'origin/index.ts',
    'version.ts',
    'known-names.ts',
    'or-aborted.ts',
    'stream-pieces.ts',
  ],
  'cli/': [
    'digest.ts',
    'errors.ts',
    'version.ts',
    'known-names.ts',
    'or-aborted.ts',
    'api/',
    'transport.ts',
  ],
  // Commands of the client do without the store and the server.
  'cli/serve/': [
    'cli/',
    'digest.ts',
    'errors.ts',
    'known-names.ts',
    'api/',
    'index.ts',
    'http/index.ts',
    'origin/index.ts',
  ],
}

/** Packages that belong to one layer alone. */
const BELONGS_TO: Record<string, string> = {
  koa: 'http/',
  '@koa/router': 'http/',
  'koa-body': 'http/',
  memjs: 'engine/',
  commander: 'cli/',
}

interface Import {
  file: string
  layer: string
  target: string
}

/** The innermost layer that holds the file, or its top folder. */
function layerOf(file: string): string {
  const layers = Object.keys(MAY_IMPORT).filter((layer) => file.startsWith(layer))
  const innermost = layers.sort((a, b) => b.length - a.length)[0]
  return innermost ?? file.slice(0, file.indexOf('/') + 1)
}

function importsOf(file: string): Import[] {
  const source = readFileSync(join(SRC, file), 'utf8')
  const layer = layerOf(file)
  const specifiers = source.matchAll(
    /^(?:import|export)\b[^'"]*?['"]([^'"]+)['"]|import\(['"]([^'"]+)['"]\)/gm,
  )
  return Array.from(specifiers, ([, fixed, dynamic]) => {
    const specifier = (fixed ?? dynamic)!
    const isOurs = specifier.startsWith('.')
    const target = isOurs ? relative(SRC, join(SRC, dirname(file), specifier)) : specifier
    return { file, layer, target: target.replaceAll('\\', '/') }
  })
}

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .map((file) => file.replaceAll('\\', '/'))
  .filter((file) => file.endsWith('.ts'))
const imports = files.flatMap(importsOf)

for (const [layer, allowed] of Object.entries(MAY_IMPORT)) {
  test(`${layer} imports itself and ${allowed.join(', ')}, nothing else of ours`, (t) => {
    const ours = imports.filter((each) => each.layer === layer && each.target.endsWith('.ts'))
    t.true(ours.length > 0)
    const isAllowed = (target: string) =>
      [layer, ...allowed].some((each) =>
        each.endsWith('/') ? target.startsWith(each) : target === each,
      )
    const wrong = ours.filter(({ target }) => !isAllowed(target))
    t.deepEqual(wrong, [])
  })
}

test('each package is used by the layer that it belongs to, nowhere else', (t) => {
  const wrong = imports.filter(
    ({ target, layer }) =>
      BELONGS_TO[target] !== undefined && !layer.startsWith(BELONGS_TO[target]),
  )
  t.deepEqual(wrong, [])
  for (const name of ['koa', 'memjs', 'commander']) {
    t.true(
      imports.some(({ target }) => target === name),
      `${name} is looked for where it is used`,
    )
  }
})

/** Each circle by the file of it that comes first, `a → b → a`; types count as much as values. */
function circles(): string[] {
  const targetsOf = new Map(files.map((file) => [file, new Set<string>()]))
  for (const { file, target } of imports)
    if (files.includes(target)) targetsOf.get(file)!.add(target)
  const found = new Set<string>()
  const isDone = new Set<string>()
  const visit = (file: string, path: readonly string[]) => {
    const at = path.indexOf(file)
    if (at !== -1) {
      const circle = path.slice(at)
      const start = circle.indexOf(circle.toSorted()[0]!)
      const turned = [...circle.slice(start), ...circle.slice(0, start)]
      found.add([...turned, turned[0]].join(' → '))
    } else if (!isDone.has(file)) {
      for (const target of targetsOf.get(file)!) visit(target, [...path, file])
      isDone.add(file)
    }
  }
  for (const file of files) visit(file, [])
  return [...found].sort()
}

test('no file imports itself by way of others', (t) => {
  t.deepEqual(circles(), [])
})

test('http has rooms, and no more than three files outside of them', (t) => {
  const outside = files.filter((file) => /^http\/[^/]+$/.test(file))
  t.deepEqual(outside.sort(), ['http/app.ts', 'http/index.ts', 'http/problem.ts'])
})
