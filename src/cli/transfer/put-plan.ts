import { readdir, realpath, stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { UsageError } from '../exit-codes.ts'

/** A file to store, and its name on the server. */
export interface PutItem {
  /** A path, or `-` for standard input. */
  readonly path: string
  /** `undefined` to store it by hash alone. */
  readonly name: string | undefined
  /** Bytes; 0 if unknown. */
  readonly size: number
}

export interface PutPlanOptions {
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
  if (paths.filter((path) => path === '-').length > 1) {
    throw new UsageError('standard input can be stored once')
  }
  const found: Found[] = []
  for (const path of paths) for await (const file of filesAt(path, options)) found.push(file)
  if (typeof name === 'string' && (found.length !== 1 || options.recursive)) {
    throw new UsageError('--name is for one file; --prefix is for the names of several')
  }
  const nameOf = (file: Found) => {
    if (name === false) return undefined
    const own = name ?? file.name
    return own === undefined ? undefined : prefix + own
  }
  const items = found.map((file) => ({ path: file.path, name: nameOf(file), size: file.size }))
  refuseSameNames(items)
  return items
}

/** A file, and its name below the folder that was given. */
interface Found {
  path: string
  name?: string
  size: number
}

async function* filesAt(path: string, options: PutPlanOptions): AsyncGenerator<Found> {
  if (path === '-') return yield { path, size: 0 }
  const found = await stat(path)
  if (!found.isDirectory()) {
    const size = found.isFile() ? found.size : 0
    return yield { path, name: basename(resolve(path)), size }
  }
  if (!options.recursive) throw new UsageError(`${path} is a folder; put -r stores what is in it`)
  const isHere = resolve(path) === process.cwd()
  yield* walk(path, isHere ? '' : `${basename(resolve(path))}/`, options, [await realpath(path)])
}

/** Yields the files below a folder in the order of their names, each after `prefix`. */
async function* walk(
  folder: string,
  prefix: string,
  options: PutPlanOptions,
  ancestors: readonly string[],
): AsyncGenerator<Found> {
  const entries = await readdir(folder, { withFileTypes: true })
  entries.sort((a, b) => (a.name < b.name ? -1 : 1))
  for (const entry of entries) {
    const path = join(folder, entry.name)
    const name = prefix + entry.name
    if (entry.isSymbolicLink() && !options.follow) {
      options.onSkip(path, 'a symbolic link; --follow stores what it leads to')
      continue
    }
    const found = await stat(path)
    if (found.isDirectory()) {
      const real = await realpath(path)
      if (ancestors.includes(real)) options.onSkip(path, 'leads back to a folder that holds it')
      else yield* walk(path, `${name}/`, options, [...ancestors, real])
    } else if (found.isFile()) yield { path, name, size: found.size }
    else options.onSkip(path, 'neither a file nor a folder')
  }
}

function refuseSameNames(items: readonly PutItem[]): void {
  const pathOf = new Map<string, string>()
  for (const { path, name } of items) {
    if (name === undefined) continue
    const other = pathOf.get(name)
    if (other !== undefined) {
      throw new UsageError(
        `${other} and ${path} would both be called ${JSON.stringify(name)}; store them one by one, with --prefix`,
      )
    }
    pathOf.set(name, path)
  }
}
