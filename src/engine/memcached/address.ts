import { isIPv6 } from 'node:net'
import { InvalidArgumentError } from '../../errors.ts'

const DEFAULT_PORT = 11211
const MAX_WEIGHT = 1000
/** An address and its weight. No host, no port and hardly a path ends with `*`. */
const WEIGHTED = /^(.*)\*(\d+(?:\.\d+)?)$/
const HOST = /^[A-Za-z0-9._-]+$/

export interface Credentials {
  username: string
  password: string
}

/** Where a memcached listens, and the credentials for it. */
export interface Address {
  target: { host: string; port: number } | { path: string }
  tls: boolean
  credentials?: Credentials
  /** `host:port`, `[::1]:port` or the path of the socket, for logs; never the credentials. */
  name: string
  /** Its share of the keys in proportion to that of other servers. */
  weight: number
}

/**
 * Parses `[tls://][user:password@]host[:port]`, `[::1]:port`, `/path` and `unix:/path`, several
 * separated by commas, each with a weight if `*2` or the like follows. A password may hold `@` and
 * `:`; a comma is written `%2C`, a percent sign `%25`.
 * @throws {InvalidArgumentError} that names the part that is wrong.
 */
export function parseAddresses(addresses: string | readonly string[]): Address[] {
  const given: unknown = typeof addresses === 'string' ? [addresses] : addresses
  if (!Array.isArray(given) || !given.every((each) => typeof each === 'string')) {
    throw new InvalidArgumentError('memcached takes the addresses of its servers', {
      expected: "'127.0.0.1:11211', or a list of such strings",
      actual: typeof addresses,
    })
  }
  const texts = given.flatMap((text) => text.split(','))
  try {
    return parseAll(texts)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    // A comma in a password cuts it in two, so that any of the parts may be a part of it.
    const isSecret = error.text === undefined || texts.some((text) => text.includes('@'))
    if (isSecret) throw new InvalidArgumentError(error.message)
    const message = `${error.message}: ${JSON.stringify(error.text)}`
    throw new InvalidArgumentError(message, { actual: error.text })
  }
}

/** What is wrong with an address, and which part of it, where that cannot be a password. */
class Refusal extends Error {
  readonly text: string | undefined

  constructor(message: string, text?: string) {
    super(message)
    this.text = text
  }
}

function parseAll(texts: readonly string[]): Address[] {
  const parsed = texts.map((text) => parseAddress(text.trim()))
  const names = new Set<string>()
  for (const { name } of parsed) {
    if (names.has(name)) throw new Refusal('a memcached address is named twice', name)
    names.add(name)
  }
  if (parsed.length === 0) throw new Refusal('there is no memcached address', '')
  return parsed
}

function parseAddress(text: string): Address {
  const [, address = text, weight = '1'] = WEIGHTED.exec(text) ?? []
  return { ...parseUnweighted(address), weight: parseWeight(weight) }
}

function parseUnweighted(text: string): Omit<Address, 'weight'> {
  if (text === '') throw new Refusal('a memcached address is empty', text)
  const [scheme, rest] = splitScheme(text)
  const tls = scheme === 'tls'
  const path = toPath(rest)
  if (path !== undefined) return { target: { path }, tls, name: path }
  const at = rest.lastIndexOf('@')
  const location = toLocation(rest.slice(at + 1))
  if (at === -1) return { ...location, tls }
  return { ...location, tls, credentials: parseCredentials(rest.slice(0, at)) }
}

function parseWeight(text: string): number {
  const weight = Number(text)
  if (weight > 0 && weight <= MAX_WEIGHT) return weight
  throw new Refusal(`a weight is a number above 0, at most ${MAX_WEIGHT}`, text)
}

function splitScheme(text: string): [scheme: string, rest: string] {
  const end = text.indexOf('://')
  const scheme = text.slice(0, Math.max(end, 0))
  // Credentials may hold `://` as well; a scheme has letters only.
  if (end === -1 || !/^[a-z]+$/i.test(scheme)) return ['', text]
  if (scheme !== 'tls')
    throw new Refusal('the scheme of a memcached address is tls:// or none', scheme)
  return [scheme, text.slice(end + 3)]
}

function toPath(text: string): string | undefined {
  const path = text.startsWith('unix:') ? text.slice('unix:'.length) : text
  if (path.startsWith('/')) return path
  if (path !== text) throw new Refusal('the path of a unix socket starts with /', path)
  return undefined
}

function toLocation(text: string): Pick<Address, 'target' | 'name'> {
  const path = toPath(text)
  if (path !== undefined) return { target: { path }, name: path }
  const bracketed = /^\[([^\]]*)\](.*)$/.exec(text)
  if (bracketed) {
    const host = bracketed[1]!
    const tail = bracketed[2]!
    if (!isIPv6(host)) throw new Refusal('what is in brackets is not an IPv6 address', host)
    if (tail !== '' && !tail.startsWith(':')) throw new Refusal('only :port may follow the ]', tail)
    const port = tail === '' ? DEFAULT_PORT : parsePort(tail.slice(1))
    return { target: { host, port }, name: `[${host}]:${port}` }
  }
  if (text.startsWith('[')) throw new Refusal('an IPv6 address has no closing ]', text)
  if (isIPv6(text)) throw new Refusal(`an IPv6 address is written in brackets, [${text}]`, text)
  const colon = text.indexOf(':')
  const host = colon === -1 ? text : text.slice(0, colon)
  const port = colon === -1 ? DEFAULT_PORT : parsePort(text.slice(colon + 1))
  if (!HOST.test(host)) throw new Refusal('not the name or address of a host', host)
  return { target: { host, port }, name: `${host}:${port}` }
}

function parsePort(text: string): number {
  const port = Number(text)
  if (!/^\d{1,5}$/.test(text) || port < 1 || port > 65535) {
    throw new Refusal('a port is a number from 1 to 65535') // In `user:password` it is the password.
  }
  return port
}

function parseCredentials(text: string): Credentials {
  const colon = text.indexOf(':')
  if (colon < 1 || colon === text.length - 1) {
    throw new InvalidArgumentError(
      'what stands before the @ of a memcached address must be user:password',
    )
  }
  try {
    return {
      username: decodeURIComponent(text.slice(0, colon)),
      password: decodeURIComponent(text.slice(colon + 1)),
    }
  } catch {
    throw new InvalidArgumentError(
      'a percent sign in the user or password of a memcached address must be written %25',
    )
  }
}
