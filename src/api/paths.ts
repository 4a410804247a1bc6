import { InvalidArgumentError } from '../errors.ts'

/** Files by name are below it. */
export const FILES = '/files/'
/** Content by hash is below it. */
export const BLOBS = '/blobs/'
/** `POST` stores a form, or a body without a name. To WebDAV it is the folder of all names. */
export const UNNAMED = '/files'
export const MISSING = '/blobs/missing'
export const BATCH = '/blobs/batch'
export const FLEET = '/fleet'

/** What the paths of a server begin with; a base path may not, since requests come with and without it. */
const OWN =
  /^\/(?:files|blobs|assets|fleet|healthz|readyz|metrics|openapi\.json|ac|cas|v1|v8)(?:\/|$)/

/**
 * The path that a server is reached below, without a slash at its end: none for `/`. `undefined` where the text is no
 * such path.
 */
export function basePathOf(text: string): string | undefined {
  if (text === '/' || text === '') return ''
  const isPath = /^(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._~-]+)+$/.test(text) && text.length <= 200
  return isPath && !OWN.test(text) ? text : undefined
}

/** A file on a server: what has a name now, or the content with a hash. */
export type RemoteRef =
  | { readonly name: string; readonly hash?: never }
  | { readonly hash: string; readonly name?: never }

/** The percent-encoded path of a file. */
export function pathOf({ name, hash }: RemoteRef): string {
  return name === undefined ? BLOBS + hash : pathOfName(name)
}

/** The path of a file's manifest or health. A name can end in anything, so there it is a query. */
export function aspectPathOf(ref: RemoteRef, aspect: 'manifest' | 'health'): string {
  return pathOf(ref) + (ref.name === undefined ? `/${aspect}` : `?${aspect}`)
}

/** The path that repairs every copy of the content with that hash. */
export function repairPathOf(hash: string): string {
  return `${BLOBS}${hash}/repair`
}

/**
 * The path of a file by name, each segment percent-encoded. Slashes stay, unless a segment is `.`
 * or `..`: URL parsers resolve those between slashes, but not between encoded ones. The names `.` and `..`
 * are for clients that send a path as it is: URL parsers resolve `%2E` as well.
 */
export function pathOfName(name: string): string {
  if (isDots(name)) return FILES + name.replaceAll('.', '%2E')
  const segments = name.split('/')
  const slash = segments.some(isDots) ? '%2F' : '/'
  return FILES + segments.map(encodeURIComponent).join(slash)
}

/** Whether URL parsers resolve it, so that it is gone from the path. */
export function isDots(segment: string): boolean {
  return segment === '.' || segment === '..'
}

/**
 * Percent-decodes the name that follows `prefix` in a raw path, slashes included.
 * @throws {InvalidArgumentError} when it is not valid percent-encoded UTF-8.
 */
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

/** The query parameters of requests for files; the OpenAPI description says what each means. */
export type QueryName =
  | ('name' | 'ttl' | 'from' | 'purge')
  | ('verify' | 'download' | 'manifest' | 'health')

type QueryValue = string | number | boolean | undefined

/** `path` with the parameters that have a value. */
export function withQuery(path: string, query: Partial<Record<QueryName, QueryValue>>): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== false) search.set(name, String(value))
  }
  return search.size === 0 ? path : `${path}?${search}`
}
