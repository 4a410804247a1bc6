import { isUtf8 } from 'node:buffer'
import { readdir, realpath, stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { UsageError } from '../exit-codes.ts'
import { type Filter, type FilterOptions, filterOf } from './filter.ts'

/** A file to store, and its name on the server. */
export interface PutItem {
  /** A path, or `-` for standard input. */
  readonly path: string
  /** `undefined` to store it by hash alone. */
  readonly name: string | undefined
  /** Bytes; 0 if unknown. */
  readonly size: number
  /** Why it, or what is in it, cannot be stored. */
  readonly failure?: unknown
}

export interface PutPlanOptions extends FilterOptions {
  recursive?: boolean
  follow?: boolean
  /** The name of the only file; `false` for none. */
  name?: string | false
  prefix?: string
  /** Called for everything that is skipped. */
  onSkip: (path: string, why: string) => void
}

/** Lists the files to store. @throws {UsageError} before anything is sent. */
export async function planPut(
  paths: readonly string[],
  options: PutPlanOptions,
): Promise<PutItem[]> {
  const { name, prefix = '' } = options
  if (name === '') throw new UsageError('a name must not be empty')
  if (paths.filter((path) => STDIN.has(path)).length > 1) {
    throw new UsageError('standard input can be stored once')
  }
  const filter = await filterOf(options)
  const found: Found[] = []
  for (const path of paths) {
    for await (const file of filesAt(path, options, filter)) found.push(file)
  }
  if (typeof name === 'string' && (found.length !== 1 || options.recursive)) {
    throw new UsageError('--name is for one file; --prefix is for the names of several')
  }
  const nameOf = (file: Found) => {
    if (name === false) return undefined
    const own = name ?? file.name
    return own === undefined ? undefined : prefix + own
  }
  const items = found.map((file) => {
    const whole = nameOf(file)
    const failure = file.failure ?? (name === undefined ? refusalOf(file.path, whole) : undefined)
    return { ...file, name: whole, failure }
  })
  refuseSameNames(items)
  return items
}

/** Why no file on the server can have the name that a local file gives it, if so. */
function refusalOf(path: string, name = ''): Error | undefined {
  if (/\p{Cc}/u.test(name)) return new Error(`${path} has a name with control characters`)
  if (Buffer.byteLength(name) <= MAX_NAME_BYTES) return undefined
  return new Error(`${path} has a name of more than ${MAX_NAME_BYTES} bytes`)
}

/** Bytes of UTF-8 of the longest name. */
const MAX_NAME_BYTES = 1024

/** A file, and its name below the folder that was given. */
interface Found {
  path: string
  name?: string
  size: number
  failure?: unknown
}

/** Paths of standard input, which cannot be opened where it is a socket. */
const STDIN = new Set(['-', '/dev/stdin', '/dev/fd/0', '/proc/self/fd/0'])

async function* filesAt(
  path: string,
  options: PutPlanOptions,
  filter: Filter,
): AsyncGenerator<Found> {
  if (path === '-') return yield { path, size: 0 }
  const name = basename(resolve(path))
  if (STDIN.has(path)) return yield { path: '-', name, size: 0 }
  const found = await stat(path).catch((failure) => ({ failure }))
  if ('failure' in found) return yield { path, name, size: 0, ...found }
  if (!found.isDirectory()) {
    const size = found.isFile() ? found.size : 0
    return yield { path, name, size }
  }
  if (!options.recursive) throw new UsageError(`${path} is a folder; put -r stores what is in it`)
  const isHere = resolve(path) === process.cwd()
  const tree = { root: isHere ? '' : `${name}/`, options, filter }
  yield* walk(path, tree.root, tree, [await realpath(path)])
}

interface Tree {
  /** The prefix of all names in it. */
  root: string
  options: PutPlanOptions
  filter: Filter
}

/**
 * Yields the files below a folder in the order of their names, each after `prefix`; what cannot be read
 * with its failure.
 */
async function* walk(
  folder: string,
  prefix: string,
  tree: Tree,
  ancestors: readonly string[],
): AsyncGenerator<Found> {
  const entries = await entriesOf(folder).catch((failure) => ({ failure }))
  if ('failure' in entries) return yield { path: folder, name: prefix, size: 0, ...entries }
  const { root, options, filter } = tree
  for (const entry of entries) {
    const path = join(folder, entry.name)
    const name = prefix + entry.name
    const below = name.slice(root.length)
    if (filter.leavesOut(below)) continue
    if (!entry.isUtf8) {
      yield { path, name, size: 0, failure: new Error(`${path} has a name that is not UTF-8`) }
      continue
    }
    if (entry.isSymbolicLink && !options.follow) {
      options.onSkip(path, 'a symbolic link; --follow stores what it leads to')
      continue
    }
    const found = await stat(path).catch((failure) => ({ failure }))
    if ('failure' in found) yield { path, name, size: 0, ...found }
    else if (found.isDirectory()) {
      const real = await realpath(path)
      if (ancestors.includes(real)) options.onSkip(path, 'leads back to a folder that holds it')
      else yield* walk(path, `${name}/`, tree, [...ancestors, real])
    } else if (!filter.takes(below)) continue
    else if (found.isFile()) yield { path, name, size: found.size }
    else options.onSkip(path, 'neither a file nor a folder')
  }
}

async function entriesOf(folder: string) {
  const entries = await readdir(folder, { withFileTypes: true, encoding: 'buffer' })
  return entries
    .map((entry) => ({
      name: String(entry.name),
      isUtf8: isUtf8(entry.name),
      isSymbolicLink: entry.isSymbolicLink(),
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

function refuseSameNames(items: readonly PutItem[]): void {
  const pathOf = new Map<string, string>()
  for (const { path, name, failure } of items) {
    if (name === undefined || failure !== undefined) continue
    const other = pathOf.get(name)
    if (other !== undefined) {
      throw new UsageError(
        `${other} and ${path} would both be called ${JSON.stringify(name)}; store them one by one, with --prefix`,
      )
    }
    pathOf.set(name, path)
  }
}
