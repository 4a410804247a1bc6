import { readFile, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { RemoteRef } from '../../api/paths.ts'
import { parseRef } from '../client/remote-file.ts'
import { UsageError } from '../exit-codes.ts'

/** A file to fetch, and where to write it. */
export interface GetItem {
  readonly ref: RemoteRef
  /** Its name in messages. */
  readonly label: string
  /** The path without symbolic links; `-` for standard output. */
  readonly target: string
  /** The path as the user gave it. */
  readonly path: string
  /** Whether `target` is a device or a pipe, which is written to and not replaced. */
  readonly isStream: boolean
}

export interface GetPlanOptions {
  output?: string
  /** A file of names, or of lines as `put` prints them; `-` for standard input. */
  list?: string
  /** Keeps the folders in names. */
  parents?: boolean
}

/** @throws {UsageError} before anything is fetched. */
export async function planGet(
  refs: readonly string[],
  { output, list, parents = list !== undefined }: GetPlanOptions,
): Promise<GetItem[]> {
  const wanted = refs.map((ref): Wanted => ({ ref: parseRef(ref), name: ref }))
  if (list !== undefined) wanted.push(...(await readList(list)))
  if (wanted.length === 0) throw new UsageError('it takes at least one file, or --list')
  if (output === '-') {
    return wanted.map(({ ref, name }) => ({
      ...{ ref, label: name },
      ...{ target: '-', path: '-', isStream: true },
    }))
  }
  const kind = await kindOf(output)
  const several = wanted.length > 1 || parents
  const folder = kind === 'folder' || output?.endsWith('/') || several ? (output ?? '') : undefined
  if (several && folder !== undefined && kind !== 'folder' && kind !== 'nothing') {
    throw new UsageError(`${output} is not a folder, and several files go there`)
  }
  const targetOf = ({ name }: Wanted) => {
    if (output !== undefined && folder === undefined) return output
    return join(folder ?? '', parents ? wholePath(name) : lastSegment(name))
  }
  return Promise.all(wanted.map(async (item) => toItem(item, targetOf(item))))
}

/** `name` becomes the name of the local file. */
interface Wanted {
  ref: RemoteRef
  name: string
}

async function toItem({ ref, name: label }: Wanted, path: string): Promise<GetItem> {
  const kind = await kindOf(path)
  if (kind === 'folder') throw new UsageError(`${path} is a folder`)
  if (kind === 'nothing') return { ref, label, target: path, path, isStream: false }
  return { ref, label, target: await realpath(path), path, isStream: kind === 'stream' }
}

type PathKind = 'nothing' | 'file' | 'folder' | 'stream'

async function kindOf(path: string | undefined): Promise<PathKind> {
  const found = await stat(path ?? '.').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined
    throw error
  })
  if (found === undefined) return 'nothing'
  if (found.isDirectory()) return 'folder'
  return found.isFile() ? 'file' : 'stream'
}

async function readList(path: string): Promise<Wanted[]> {
  const lines = path === '-' ? await text(process.stdin) : await readFile(path, 'utf8')
  return lines.split(/\r?\n/).filter(Boolean).map(parseLine)
}

/** `<hash>  <name>` means that content; a name alone means what has the name now. */
function parseLine(line: string): Wanted {
  const [, hash, name] = /^([0-9a-f]{64}) [ *](.+)$/.exec(line) ?? []
  if (hash === undefined || name === undefined) return { ref: parseRef(line), name: line }
  return { ref: { hash }, name }
}

function lastSegment(name: string): string {
  const segment = name.split('/').at(-1) ?? ''
  if (isSafe(segment)) return segment
  throw new UsageError(`${JSON.stringify(name)} cannot be a file name here; choose one with -o`)
}

/** Refuses a name that would lead out of the chosen folder. */
function wholePath(name: string): string {
  const segments = name.split('/')
  if (segments.every(isSafe)) return join(...segments)
  throw new UsageError(`${JSON.stringify(name)} cannot be a path in a folder; choose one with -o`)
}

function isSafe(segment: string): boolean {
  const isReserved = process.platform === 'win32' && /[\\:*?"<>|]/.test(segment)
  return segment !== '' && segment !== '.' && segment !== '..' && !isReserved
}
