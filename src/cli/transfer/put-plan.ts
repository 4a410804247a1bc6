import { isUtf8 } from 'node:buffer'
import { fstatSync, readdirSync, realpathSync, type Stats, statSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import mime from 'mime'
import { UsageError } from '../exit-codes.ts'
import { isPrintable } from '../terminal/printable.ts'
import { type Filter, type FilterOptions, filterOf } from './filter.ts'

/** A file to store, and its name on the server. */
export interface PutItem {
  /** A path, or `-` for standard input. */
  readonly path: string
  /** `undefined` to store it by hash alone. */
  readonly name: string | undefined
  /** The media type. */
  readonly type: string
  /** Bytes; 0 if unknown. */
  readonly size: number
  /** Whether it is a regular file, so that opening it does nothing else. */
  readonly isFile: boolean
  /** Why it, or what is in it, cannot be stored. */
  readonly failure?: unknown
}

export interface PutPlanOptions extends FilterOptions {
  recursive?: boolean
  follow?: boolean
  /** The name of the only file; `false` for none. */
  name?: string | false
  prefix?: string
  /** The media type. Default: guessed from the name. */
  type?: string
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
    for (const file of filesAt(path, options, filter)) found.push(file)
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
    const type = options.type ?? mime.getType(whole ?? file.path) ?? 'application/octet-stream'
    return { ...file, name: whole, type, failure }
  })
  refuseSameNames(items)
  return items
}

/** Why a file cannot have the name that a local file gives it: the server refuses it, or `get` does not write it. */
function refusalOf(path: string, name = ''): Error | undefined {
  if (!isPrintable(name)) return new Error(`${path} has a name with control characters`)
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
  isFile: boolean
  failure?: unknown
}

/** What is known of a path that is no regular file, or cannot be read. */
const UNKNOWN = { size: 0, isFile: false }

/** Paths of standard input, which cannot be opened where it is a socket. */
const STDIN = new Set(['-', '/dev/stdin', '/dev/fd/0', '/proc/self/fd/0'])

function* filesAt(path: string, options: PutPlanOptions, filter: Filter): Generator<Found> {
  if (path === '-') return yield { path, ...UNKNOWN }
  const name = basename(resolve(path))
  if (STDIN.has(path)) return yield { path: '-', name, ...UNKNOWN }
  const found = attempt(() => statSync(path))
  if ('failure' in found) return yield { path, name, ...UNKNOWN, ...found }
  if (isOutput(path, found)) {
    const failure = new Error(`${path} is where standard output goes`)
    return yield { path, name, ...UNKNOWN, failure }
  }
  if (!found.isDirectory()) return yield { path, name, ...knownOf(found) }
  if (!options.recursive) throw new UsageError(`${path} is a folder; put -r stores what is in it`)
  const isHere = resolve(path) === process.cwd()
  const tree = { root: isHere ? '' : `${name}/`, options, filter }
  yield* walk(path, tree.root, tree, [])
}

function knownOf(found: Stats): Pick<Found, 'size' | 'isFile'> {
  return found.isFile() ? { size: found.size, isFile: true } : UNKNOWN
}

/** Whether a file is the one that standard output is written to, as in `put -r . > SUMS`. */
function isOutput(path: string, found: Stats): boolean {
  if (!found.isFile()) return false
  const output = attempt(() => fstatSync(1))
  if ('failure' in output || output.ino !== found.ino || output.dev !== found.dev) return false
  return fstatSync(1, { bigint: true }).ino === statSync(path, { bigint: true }).ino
}

interface Tree {
  /** The prefix of all names in it. */
  root: string
  options: PutPlanOptions
  filter: Filter
}

/**
 * Yields the files below a folder in the order of their names, each after `prefix`; what cannot be read
 * with its failure. Calls the system in place, which takes a twentieth of the time of trips to a thread.
 */
function* walk(
  folder: string,
  prefix: string,
  tree: Tree,
  ancestors: readonly string[],
): Generator<Found> {
  const opened = attempt(() => ({
    real: realpathSync.native(folder),
    entries: entriesOf(folder),
  }))
  if ('failure' in opened) return yield { path: folder, name: prefix, ...UNKNOWN, ...opened }
  const { real, entries } = opened
  const { root, options, filter } = tree
  if (ancestors.includes(real))
    return options.onSkip(folder, 'leads back to a folder that holds it')
  for (const entry of entries) {
    const path = join(folder, entry.name)
    const name = prefix + entry.name
    const below = name.slice(root.length)
    if (filter.leavesOut(below)) continue
    if (!entry.isUtf8) {
      const failure = new Error(`${path} has a name that is not UTF-8`)
      yield { path, name, ...UNKNOWN, failure }
      continue
    }
    if (entry.isSymbolicLink && !options.follow) {
      options.onSkip(path, 'a symbolic link; --follow stores what it leads to')
      continue
    }
    const found = attempt(() => statSync(path))
    if ('failure' in found) yield { path, name, ...UNKNOWN, ...found }
    else if (found.isDirectory()) yield* walk(path, `${name}/`, tree, [...ancestors, real])
    else if (!filter.takes(below)) continue
    else if (isOutput(path, found)) options.onSkip(path, 'standard output goes there')
    else if (found.isFile()) yield { path, name, ...knownOf(found) }
    else options.onSkip(path, 'neither a file nor a folder')
  }
}

function attempt<R extends object>(call: () => R): R | { failure: unknown } {
  try {
    return call()
  } catch (failure) {
    return { failure }
  }
}

function entriesOf(folder: string) {
  const entries = readdirSync(folder, { withFileTypes: true, encoding: 'buffer' })
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
