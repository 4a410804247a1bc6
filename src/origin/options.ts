import { InvalidArgumentError } from '../index.ts'
import { type NamesOf, refuseUnknown } from '../known-names.ts'
import { parseTemplate, type Template } from './addresses.ts'

const MiB = 1024 * 1024
/** Milliseconds that a timer can wait, some 24 days: a longer one would end at once. */
const LONGEST_TIMEOUT = 2 ** 31 - 1

/** Where files come from that the cache does not have. */
export interface OriginOptions {
  /** Names are paths below this URL: `https://files.example/base/`. Credentials in it are sent as Basic. */
  url: string | URL
  /** The URL of content by hash, with `{hash}` in its path. Default: content is not asked for by hash. */
  blobs?: string | undefined
  /** The Authorization field of requests to the host of `url`. Default: none. */
  authorization?: string | undefined
  /** Certificates (PEM) to trust instead of those that Node.js knows. */
  ca?: Buffer | undefined
  /** Hosts, or hosts with ports, that redirects may lead to beside the one that redirects. Default: none. */
  redirectHosts?: readonly string[] | undefined
  /** Milliseconds to wait for the header of an answer, and for each piece of it. Default 30,000. */
  timeoutMs?: number | undefined
  /** Milliseconds that one fetch may take. Default 3,600,000, an hour. */
  totalTimeoutMs?: number | undefined
  /** Fetches under way at a time in this process; others wait for their turn. Default 64. */
  maxFetches?: number | undefined
  /** Seconds for which a file is fresh whose answer does not say it (RFC 9111, 4.2.2). Default 60. */
  ttl?: number | undefined
  /** Seconds for which the origin is not asked again for what it does not have. Default 10. */
  negativeTtl?: number | undefined
  /**
   * Seconds for which a file that is no longer fresh is served while the origin fails, unless its answer
   * forbids it (RFC 9111, 4.2.4). Default 0: as long as its stale-if-error says.
   */
  staleIfError?: number | undefined
  /** Bytes of a file up to which a range leads to a fetch of the whole; of larger ones the range is passed on. Default 64 MiB. */
  rangeLimit?: number | undefined
  /** Fields in Vary that make no difference here. Default: Accept-Encoding alone. */
  ignoredVary?: readonly string[] | undefined
}

/** Options that were validated, with the defaults for those that were left out. */
export interface OriginSettings extends Pick<OriginOptions, 'authorization' | 'ca'> {
  /** Its path ends with a slash. */
  readonly base: URL
  readonly blobs: Template | undefined
  readonly redirectHosts: readonly string[]
  readonly timeoutMs: number
  readonly totalTimeoutMs: number
  readonly maxFetches: number
  readonly ttl: number
  readonly negativeTtl: number
  readonly staleIfError: number
  readonly rangeLimit: number
  readonly ignoredVary: readonly string[]
}

const OPTIONS: NamesOf<OriginOptions> = {
  url: true,
  blobs: true,
  authorization: true,
  ca: true,
  redirectHosts: true,
  timeoutMs: true,
  totalTimeoutMs: true,
  maxFetches: true,
  ttl: true,
  negativeTtl: true,
  staleIfError: true,
  rangeLimit: true,
  ignoredVary: true,
}

/** @throws {InvalidArgumentError} for an option that is unknown or can never work. */
export function validateOrigin(options: OriginOptions): OriginSettings {
  refuseUnknown('origin', options, OPTIONS)
  const { base, authorization } = parseBase(options.url)
  return {
    base,
    blobs: options.blobs === undefined ? undefined : parseTemplate(options.blobs),
    authorization: checkAuthorization(options.authorization ?? authorization),
    ca: options.ca,
    redirectHosts: options.redirectHosts ?? [],
    timeoutMs: wholeNumber('timeoutMs', options.timeoutMs ?? 30_000, 1, LONGEST_TIMEOUT),
    totalTimeoutMs: wholeNumber(
      'totalTimeoutMs',
      options.totalTimeoutMs ?? 3_600_000,
      1,
      LONGEST_TIMEOUT,
    ),
    maxFetches: wholeNumber('maxFetches', options.maxFetches ?? 64, 1),
    ttl: wholeNumber('ttl', options.ttl ?? 60, 0),
    negativeTtl: wholeNumber('negativeTtl', options.negativeTtl ?? 10, 0),
    staleIfError: wholeNumber('staleIfError', options.staleIfError ?? 0, 0),
    rangeLimit: wholeNumber('rangeLimit', options.rangeLimit ?? 64 * MiB, 0),
    ignoredVary: ['accept-encoding', ...(options.ignoredVary ?? [])].map((name) =>
      name.toLowerCase(),
    ),
  }
}

function parseBase(given: string | URL): { base: URL; authorization: string | undefined } {
  const base = URL.parse(String(given))
  if (base === null || !/^https?:$/.test(base.protocol) || base.search !== '' || base.hash !== '') {
    throw new InvalidArgumentError('an origin is an http or https URL without a query', {
      expected: 'a URL such as https://files.example/base/',
      actual: String(given)
        .replace(/\/\/.*@/, '//***@')
        .slice(0, 200),
    })
  }
  const { username, password } = base
  base.username = ''
  base.password = ''
  if (!base.pathname.endsWith('/')) base.pathname += '/'
  if (username === '' && password === '') return { base, authorization: undefined }
  const pair = `${decoded(username)}:${decoded(password)}`
  return { base, authorization: `Basic ${Buffer.from(pair).toString('base64')}` }
}

function decoded(credential: string): string {
  try {
    return decodeURIComponent(credential)
  } catch (cause) {
    const message = 'the credentials in the URL of an origin are percent-encoded UTF-8'
    throw new InvalidArgumentError(message, { expected: '%25 for a percent sign', cause })
  }
}

function checkAuthorization(value: string | undefined): string | undefined {
  if (value === undefined || /^[\x21-\x7e][\x20-\x7e]*$/.test(value)) return value
  throw new InvalidArgumentError('the authorization of an origin is printable ASCII', {
    expected: 'the value of an Authorization field, such as Bearer <token>',
  })
}

function wholeNumber(
  name: string,
  value: number,
  min: number,
  max = Number.MAX_SAFE_INTEGER,
): number {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return value
  const isLimited = max < Number.MAX_SAFE_INTEGER
  const expected = `at least ${min}${isLimited ? ` and at most ${max}` : ''}`
  throw new InvalidArgumentError(`${name} of an origin must be a whole number, ${expected}`, {
    expected,
    actual: String(value),
  })
}
