import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import type { Middleware } from 'koa'
import { hostIn } from '../../api/fields.ts'
import { InvalidArgumentError } from '../../index.ts'
import { HttpProblem } from '../problem.ts'

/**
 * Refuses requests without exactly one well-formed Host (RFC 9112, 3.2), and with `allowed` those for the
 * name of another host: a web page that has its own name point here (DNS rebinding) would otherwise
 * be taken for a page of this server. Names of this machine are addresses, `localhost` and what is allowed.
 * @param allowed Names that are answered too, `*` for all; `undefined` where tokens decide.
 * @throws {InvalidArgumentError} for a name that no client could send.
 */
export function hostCheck(allowed: readonly string[] | undefined): Middleware {
  const names = allowed === undefined ? undefined : new Set(allowed.map(parseAllowed))
  return ({ req }, next) => {
    for (const host of hostsOf(req)) {
      if (names === undefined || names.has('*') || isOwn(host) || names.has(host)) continue
      throw new HttpProblem(
        'forbidden',
        `this server does not answer for ${host.slice(0, 200)}: start it with --allowed-host ` +
          '(allowedHosts in the library) for that name, or with a token',
      )
    }
    return next()
  }
}

/** The hosts that a request is for: of its Host field, and of its target where that holds one. */
function hostsOf({ rawHeaders, httpVersion, url = '' }: IncomingMessage): string[] {
  const hosts: string[] = []
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!
    if (name.length === 4 && name.toLowerCase() === 'host')
      hosts.push(parseHost(rawHeaders[i + 1]!))
  }
  if (hosts.length > 1) throw new HttpProblem('bad-request', 'a request has one Host, not several')
  if (hosts.length === 0 && httpVersion !== '1.0') {
    throw new HttpProblem('bad-request', 'a request of HTTP/1.1 has a Host')
  }
  if (!url.startsWith('/') && URL.canParse(url)) hosts.push(parseHost(new URL(url).host))
  return hosts
}

function parseHost(field: string): string {
  const host = hostIn(field)
  if (host !== undefined) return host
  throw new HttpProblem('bad-request', 'the Host of a request is a name or an address, and a port')
}

function parseAllowed(text: string): string {
  const host = text === '*' ? text : hostIn(text)
  if (host !== undefined) return host
  throw new InvalidArgumentError(`not the name of a host: ${JSON.stringify(text)}`, {
    expected: 'a name as clients put it into Host, or *',
    actual: text,
  })
}

/** Whether no other name service than this machine's own is asked for it. */
function isOwn(host: string): boolean {
  const name = host.endsWith('.') ? host.slice(0, -1) : host
  if (name === 'localhost' || name.endsWith('.localhost')) return true
  return isIP(host.startsWith('[') ? host.slice(1, -1) : host) !== 0
}
