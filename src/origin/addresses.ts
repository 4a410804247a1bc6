import { isUtf8 } from 'node:buffer'
import { hostIn } from '../api/fields.ts'
import { InvalidArgumentError } from '../index.ts'

/** A request's URL in the form that the transport takes: a `URL` would resolve dots in a path. */
export interface Address {
  readonly origin: URL
  /** Percent-encoded, with the query. */
  readonly path: string
}

/** Put where the hash goes in the template for content by hash. */
const HASH = '{hash}'

/** The URL of content by hash, with `{hash}` in its path. */
export interface Template {
  readonly origin: URL
  readonly path: string
}

/**
 * Where an origin has its files: by name below a base URL, by hash where a template says. Nothing that
 * a client sends leads to another host, or out of the base.
 */
export class Addresses {
  /** Without credentials, query and fragment; its path ends with a slash. */
  readonly base: URL
  readonly #template: Template | undefined
  readonly #redirectHosts: ReadonlySet<string>

  /**
   * @param template If content can be asked for by hash.
   * @param redirectHosts Hosts (`host` or `host:port`) that redirects may lead to beside the origin.
   * @throws {InvalidArgumentError} for what is no host.
   */
  constructor(base: URL, template: Template | undefined, redirectHosts: readonly string[]) {
    this.base = base
    this.#template = template
    this.#redirectHosts = new Set(redirectHosts.map(checkHost))
  }

  /** The address of a file by name; `undefined` for a name that no path below the base stands for. */
  ofName(name: string): Address | undefined {
    const segments = name.split('/')
    if (segments.some(isAmbiguous)) return undefined
    const path = this.base.pathname + segments.map(encodeURIComponent).join('/')
    return { origin: this.base, path }
  }

  /** The address of content by hash; `undefined` without a template. */
  ofHash(hash: string): Address | undefined {
    if (this.#template === undefined) return undefined
    const { origin, path } = this.#template
    return { origin, path: path.replaceAll(HASH, hash) }
  }

  /** Whether the credentials of the origin may be sent there: to its scheme, host and port alone. */
  isOwn({ origin }: Address): boolean {
    return origin.origin === this.base.origin
  }

  /**
   * Where a redirect leads: within the host that redirects, or to a host that is allowed, and never from
   * https to http. `undefined` for any other place.
   */
  redirect(from: Address, location: string | undefined): Address | undefined {
    const to = URL.parse(utf8(location ?? ''), from.origin.origin + from.path)
    if (location === undefined || to === null || !/^https?:$/.test(to.protocol)) return undefined
    if (from.origin.protocol === 'https:' && to.protocol !== 'https:') return undefined
    if (to.username !== '' || to.password !== '') return undefined
    const port = to.port || (to.protocol === 'https:' ? '443' : '80') // A URL leaves out its scheme's own.
    const hosts = [to.hostname, `${to.hostname}:${port}`]
    const isAllowed = hosts.some((host) => this.#redirectHosts.has(host))
    if (to.origin !== from.origin.origin && !isAllowed) return undefined
    return { origin: new URL(to.origin), path: to.pathname + to.search }
  }
}

function checkHost(host: string): string {
  if (hostIn(host) !== undefined && URL.canParse(`http://${host}`)) return host.toLowerCase()
  throw new InvalidArgumentError('redirectHosts are hosts, or hosts with ports', {
    expected: 'cdn.example or cdn.example:8443',
    actual: JSON.stringify(host).slice(0, 200),
  })
}

/** Node takes the bytes of a field for Latin-1; servers that do not encode a path send UTF-8. */
function utf8(field: string): string {
  const bytes = Buffer.from(field, 'latin1')
  return isUtf8(bytes) ? bytes.toString() : field
}

/** Dots lead elsewhere, and servers differ on empty segments and backslashes. */
function isAmbiguous(segment: string): boolean {
  return segment === '' || segment === '.' || segment === '..' || segment.includes('\\')
}

/** @throws {InvalidArgumentError} unless it is an http or https URL with `{hash}` in its path or query. */
export function parseTemplate(template: string): Template {
  const [, origin = '', path = ''] = /^(https?:\/\/[^/?#@]+)(\/[^#]*)$/i.exec(template) ?? []
  const url = URL.parse(origin)
  if (url !== null && path.includes(HASH) && URL.canParse(template)) return { origin: url, path }
  throw new InvalidArgumentError(
    'the address of content by hash is a URL with {hash} in its path',
    {
      expected: 'a URL such as https://files.example/blobs/{hash}',
      actual: template.slice(0, 200),
    },
  )
}
