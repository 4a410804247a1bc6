import { InvalidArgumentError } from '../index.ts'

/** Where files are by name. */
export const FILES = '/files/'

/** The file name that follows `prefix` in a raw path: percent-decoded once, slashes and all. */
export function nameFromPath(path: string, prefix: string): string {
  try {
    return decodeURIComponent(path.slice(prefix.length))
  } catch {
    throw new InvalidArgumentError('the name in the path is not valid percent-encoded UTF-8', {
      expected: 'percent-encoded UTF-8',
      actual: path.slice(prefix.length, prefix.length + 100),
    })
  }
}

/**
 * Where the file of that name is. Slashes stay, unless there are segments of dots alone: whoever
 * parses a URL resolves those, but for the slashes beside them being encoded.
 */
export function pathOfName(name: string): string {
  if (isDots(name)) return `/files/${name.replaceAll('.', '%2E')}`
  const segments = name.split('/')
  const slash = segments.some(isDots) ? '%2F' : '/'
  return `/files/${segments.map(encodeURIComponent).join(slash)}`
}

function isDots(segment: string): boolean {
  return segment === '.' || segment === '..'
}

export function pathOfHash(hash: string): string {
  return `/blobs/${hash}`
}
