import { InvalidArgumentError } from '../index.ts'

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

export function pathOfName(name: string): string {
  return `/files/${name.split('/').map(encodeURIComponent).join('/')}`
}

export function pathOfHash(hash: string): string {
  return `/blobs/${hash}`
}
