import { readFile, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { type RemoteRef, remoteRef } from './client/refs.ts'
import { UsageError } from './exit-codes.ts'

/** What to fetch, and where it goes. */
export interface GetItem {
  readonly ref: RemoteRef
  /** Where symbolic links lead to; `-` for standard output. */
  readonly target: string
  /** The path as it was given. */
  readonly path: string
  /** Whether `target` is a device or a pipe, written to as it is. */
  readonly isStream: boolean
}

export interface GetPlanOptions {
  output?: string
  /** A file of names, or of lines as `put` prints them; `-` for standard input. */
  list?: string
  /** Keep the folders in names. */
  parents?: boolean
}

/** @throws {UsageError} before anything is fetched. */
export async function planGet(
  refs: readonly string[],
  { output, list, parents = list !== undefined }: GetPlanOptions,
): Promise<GetItem[]> {
  const wanted = refs.map((ref): Wanted => ({ ref: remoteRef(ref), name: ref }))
  if (list !== undefined) wanted.push(...(await readList(list)))
  if (wanted.length === 0) throw new UsageError('name at least one file, or --list')
  if (output === '-') {
    return wanted.map(({ ref }) => ({ ref, target: '-', path: '-', isStream: true }))
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
  return Promise.all(wanted.map(async (item) => toItem(item.ref, targetOf(item))))
}

/** `name` is what the local file is called after. */
interface Wanted {
  ref: RemoteRef
  name: string
}

async function toItem(ref: RemoteRef, path: string): Promise<GetItem> {
  const kind = await kindOf(path)
  if (kind === 'folder') throw new UsageError(`${path} is a folder`)
  if (kind === 'nothing') return { ref, target: path, path, isStream: false }
  return { ref, target: await realpath(path), path, isStream: kind === 'stream' }
}

type Kind = 'nothing' | 'file' | 'folder' | 'stream'

async function kindOf(path: string | undefined): Promise<Kind> {
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

/** `<hash>  <name>` pins the content; a name alone takes what has that name now. */
function parseLine(line: string): Wanted {
  const [, hash, name] = /^([0-9a-f]{64}) [ *](.+)$/.exec(line) ?? []
  if (hash === undefined || name === undefined) return { ref: remoteRef(line), name: line }
  return { ref: { ...remoteRef(hash), text: name }, name }
}

function lastSegment(name: string): string {
  const segment = name.split('/').at(-1) ?? ''
  if (isSafe(segment)) return segment
  throw new UsageError(`${JSON.stringify(name)} makes no file name here; choose one with -o`)
}

/** Nothing that a name holds may lead out of the folder that was chosen. */
function wholePath(name: string): string {
  const segments = name.split('/')
  if (segments.every(isSafe)) return join(...segments)
  throw new UsageError(`${JSON.stringify(name)} is no path below a folder; fetch it with -o`)
}

function isSafe(segment: string): boolean {
  const isReserved = process.platform === 'win32' && /[\\:*?"<>|]/.test(segment)
  return segment !== '' && segment !== '.' && segment !== '..' && !isReserved
}
