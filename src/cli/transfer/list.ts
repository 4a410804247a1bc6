import { createReadStream } from 'node:fs'
import type { Readable } from 'node:stream'
import type { RemoteRef } from '../../api/paths.ts'
import { parseRef } from '../client/remote-file.ts'
import { UsageError } from '../exit-codes.ts'
import { withPath } from '../terminal/failure.ts'

/** Bytes of a list that are read: some 500,000 lines. */
const MAX_LIST = 64 * 1024 * 1024

/** A file that an argument or a line of a list names. */
export interface Listed {
  /** What to read: a line that `put` printed pins the content. */
  readonly ref: RemoteRef
  /** The file's name, or the hash of what has none. */
  readonly name: string
}

/**
 * The files of the arguments and of the list, in that order.
 * @param list A file of names, of hashes, or of lines as `put` prints them; `-` for standard input.
 * @throws {UsageError} when there are none.
 */
export async function listed(
  refs: readonly string[],
  list: string | undefined,
): Promise<readonly Listed[]> {
  const files = refs.map((ref): Listed => ({ ref: parseRef(ref), name: ref }))
  if (list === '') throw new UsageError('--list takes a path')
  if (list !== undefined) {
    const lines = await readLimited(list === '-' ? process.stdin : createReadStream(list), list)
    for (const line of lines.split(/\r?\n/)) if (line !== '') files.push(parseLine(line))
  }
  if (files.length > 0) return files
  throw new UsageError(
    list === undefined ? 'it takes at least one file, or --list' : `there is no file in ${list}`,
  )
}

async function readLimited(source: Readable, path: string): Promise<string> {
  const parts: Buffer[] = []
  let length = 0
  try {
    for await (const part of source as AsyncIterable<Buffer>) {
      length += part.length
      if (length > MAX_LIST) throw new UsageError(`${path} is no list: it has more than 64 MiB`)
      parts.push(part)
    }
  } catch (error) {
    throw withPath(path, error)
  }
  return Buffer.concat(parts)
    .toString()
    .replace(/^\ufeff/, '') // A byte order mark is no part of a name.
}

/** `<hash>  <name>` means that content; a name alone means what has the name now. */
function parseLine(line: string): Listed {
  const [, escaped, hash, name] = /^(\\?)([0-9a-f]{64}) [ *](.+)$/.exec(line) ?? []
  if (hash === undefined || name === undefined) return { ref: parseRef(line), name: line }
  return { ref: { hash }, name: escaped === '' ? name : unescaped(name) }
}

/** The line of `sha256sum` for a file: it begins with a backslash if the name is escaped. */
export function sumLine(hash: string, name: string): string {
  const escaped = name.replace(/[\\\n\r]/g, (character) => ESCAPES[character]!)
  return `${escaped === name ? '' : '\\'}${hash}  ${escaped}`
}

const ESCAPES: Record<string, string> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r' }

function unescaped(name: string): string {
  return name.replace(/\\(.?)/g, (sequence, letter) => {
    const character = { '\\': '\\', n: '\n', r: '\r' }[letter as string]
    if (character !== undefined) return character
    throw new UsageError(`${JSON.stringify(name)} is no name as sha256sum escapes it: ${sequence}`)
  })
}
