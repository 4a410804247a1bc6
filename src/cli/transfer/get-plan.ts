import { realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { RemoteRef } from '../../api/paths.ts'
import { UsageError } from '../exit-codes.ts'
import { isPrintable } from '../terminal/printable.ts'
import { type Listed, listed } from './list.ts'

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
  /** Whether a file is there. */
  readonly isThere: boolean
  /** Why it cannot be written there. */
  readonly failure?: unknown
}

export interface GetPlanOptions {
  output?: string
  /** As for `listed`. */
  list?: string
  /** Keeps the folders in names. */
  parents?: boolean
}

/** Lists the files to fetch. A name that is no path here fails alone. @throws {UsageError} before anything is fetched. */
export async function planGet(
  refs: readonly string[],
  { output, list, parents = list !== undefined }: GetPlanOptions,
): Promise<GetItem[]> {
  if (output === '') throw new UsageError('-o takes a path, or - for standard output')
  const wanted = await listed(refs, list)
  if (output === '-') {
    return wanted.map(({ ref, name }) => ({
      ...{ ref, label: name },
      ...{ target: '-', path: '-', isStream: true, isThere: false },
    }))
  }
  const kind = await kindOf(output)
  const several = wanted.length > 1 || parents
  const folder = kind === 'folder' || output?.endsWith('/') || several ? (output ?? '') : undefined
  if (several && folder !== undefined && kind !== 'folder' && kind !== 'nothing') {
    throw new UsageError(`${output} is not a folder, and several files go there`)
  }
  const targetOf = ({ name }: Listed) => {
    if (output !== undefined && folder === undefined) return output
    return join(folder ?? '', parents ? wholePath(name) : lastSegment(name))
  }
  const items = await Promise.all(wanted.map((item) => toItem(item, () => targetOf(item))))
  return withoutRepeats(items)
}

/** Leaves out what is listed again. @throws {UsageError} when two files would have one path. */
function withoutRepeats(items: readonly GetItem[]): GetItem[] {
  const itemAt = new Map<string, GetItem>()
  return items.filter((item) => {
    const { ref, target, path, label, failure } = item
    if (failure !== undefined) return true
    const other = itemAt.get(target)
    itemAt.set(target, item)
    if (other === undefined) return true
    if (other.ref.hash === ref.hash && other.ref.name === ref.name) return false
    const why = `${other.label} and ${label} would both be written to ${path}`
    throw new UsageError(`${why}; fetch them one by one, or with --parents, which keeps folders`)
  })
}

async function toItem(item: Listed, targetOf: () => string): Promise<GetItem> {
  const { ref, name: label } = item
  try {
    const path = targetOf()
    return { ref, label, path, ...(await placeAt(path)) }
  } catch (failure) {
    return { ref, label, path: label, target: label, isStream: false, isThere: false, failure }
  }
}

async function placeAt(path: string): Promise<Pick<GetItem, 'target' | 'isStream' | 'isThere'>> {
  const kind = await kindOf(path)
  if (kind === 'folder') throw new Error(`${path} is a folder`)
  if (kind === 'nothing') return { target: path, isStream: false, isThere: false }
  return { target: await realpath(path), isStream: kind === 'stream', isThere: true }
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

const ALONE = 'fetch it alone, to a file that -o names'

function lastSegment(name: string): string {
  const segment = name.split('/').at(-1) ?? ''
  if (isSafe(segment)) return segment
  throw new Error(`${JSON.stringify(name)} cannot be a file name here; ${ALONE}`)
}

/** Refuses a name that would lead out of the chosen folder. */
function wholePath(name: string): string {
  const segments = name.split('/')
  if (segments.every(isSafe)) return join(...segments)
  throw new Error(`${JSON.stringify(name)} cannot be a path in a folder; ${ALONE}`)
}

function isSafe(segment: string): boolean {
  if (!isPrintable(segment)) return false
  const isReserved = process.platform === 'win32' && /[\\:*?"<>|]/.test(segment)
  return segment !== '' && segment !== '.' && segment !== '..' && !isReserved
}
