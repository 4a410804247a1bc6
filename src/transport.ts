import http, { type ClientRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import https from 'node:https'
import { Readable } from 'node:stream'

/** Milliseconds to connect. */
const CONNECT_MS = 10_000

export type HttpResponse = IncomingMessage & { readonly statusCode: number }

export interface HttpRequest {
  origin: URL
  /** With its query, as it is sent: a URL would resolve the dots in a name. */
  path: string
  method: string
  headers: Record<string, string>
  body?: Readable | Buffer | string | undefined
  /** Ends the request, its response too. */
  signal: AbortSignal
}

export interface TransportOptions {
  /** Milliseconds without a byte from the server; 0 is no limit but that on connecting. */
  timeoutMs: number
  /** Certificates (PEM) to trust instead of those that Node.js knows. */
  ca?: Buffer | undefined
  /** Accepts any certificate. */
  insecure?: boolean | undefined
}

/** How a request to an origin travels. */
interface Way {
  make: (options: RequestOptions) => ClientRequest
  options: RequestOptions
  /** Put before the path of a request through an HTTP proxy (RFC 9112, 3.2.2). */
  prefix: string
  headers: Record<string, string>
}

/** Sends requests over connections that it keeps, directly or through the proxies in the environment. */
export class Transport {
  readonly #options: TransportOptions
  readonly #agents: (http.Agent | https.Agent)[] = []
  readonly #ways = new Map<string, Promise<Way>>()

  constructor(options: TransportOptions) {
    this.#options = options
  }

  /** Resolves with the header of the response. Redirects are not followed. */
  async send({ origin, path, method, headers, body, signal }: HttpRequest): Promise<HttpResponse> {
    const way = this.#ways.get(origin.origin) ?? this.#wayTo(origin)
    this.#ways.set(origin.origin, way)
    const { make, options, prefix, headers: own } = await way
    const request = make({
      ...options,
      method,
      path: prefix + path,
      headers: { ...headers, ...own },
      signal,
    })
    return exchange(request, body, this.#options.timeoutMs)
  }

  close(): void {
    for (const agent of this.#agents) agent.destroy()
  }

  async #wayTo(origin: URL): Promise<Way> {
    const { ca, insecure } = this.#options
    const tls = { ...(ca && { ca }), rejectUnauthorized: !insecure }
    const proxy = await proxyFor(origin)
    const isTls = origin.protocol === 'https:'
    if (proxy !== undefined && isTls) {
      const { HttpsProxyAgent } = await import('https-proxy-agent') // Rarely needed.
      const agent = new HttpsProxyAgent(proxy, { keepAlive: true, ...tls })
      this.#agents.push(agent)
      const options = { ...addressOf(origin), ...tls, agent }
      return { make: https.request, options, prefix: '', headers: {} }
    }
    const next = proxy ?? origin
    const { Agent, request } = next.protocol === 'https:' ? https : http
    const agent = new Agent({ keepAlive: true, ...(next.protocol === 'https:' && tls) })
    this.#agents.push(agent)
    const options = { ...addressOf(next), agent }
    if (proxy === undefined) return { make: request, options, prefix: '', headers: {} }
    return { make: request, options, prefix: origin.origin, headers: proxyHeaders(origin, proxy) }
  }
}

function addressOf({ protocol, hostname, port }: URL): RequestOptions {
  return { protocol, hostname: hostname.replace(/^\[|\]$/g, ''), port }
}

function proxyHeaders(origin: URL, { username, password }: URL): Record<string, string> {
  if (username === '' && password === '') return { host: origin.host }
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  const credentials = Buffer.from(pair).toString('base64')
  return { host: origin.host, 'proxy-authorization': `Basic ${credentials}` }
}

const PROXY_VARIABLES = /^(?:https?|all)_proxy$/i

/** The proxy that HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY name for an origin. */
async function proxyFor(origin: URL): Promise<URL | undefined> {
  if (!Object.keys(process.env).some((name) => PROXY_VARIABLES.test(name))) return undefined
  const { getProxyForUrl } = await import('proxy-from-env') // Rarely needed.
  const text = getProxyForUrl(origin.href)
  if (text === '') return undefined
  const proxy = URL.parse(text)
  if (proxy !== null && /^https?:$/.test(proxy.protocol)) return proxy
  throw new Error('the proxy in the environment must be a URL such as http://proxy:3128')
}

/** Sends the body, and resolves with the response as soon as its header has come. */
function exchange(
  request: ClientRequest,
  body: HttpRequest['body'],
  timeoutMs: number,
): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    let response: IncomingMessage | undefined
    limitConnecting(request, Math.min(CONNECT_MS, timeoutMs || CONNECT_MS))
    request.setTimeout(timeoutMs, () => {
      const isSourceSlow = !request.writableEnded && !request.writableNeedDrain
      if (!isSourceSlow) (response ?? request).destroy(timeout(`no byte for ${timeoutMs / 1000} s`))
    })
    request.on('error', (error) => reject(request.reusedSocket ? onKept(error) : error))
    // An answer with status 101, which was not asked for, closes the request and is neither of the two.
    request.once('close', () => reject(noAnswer()))
    request.once('response', (received) => {
      response = received
      // A refusal: the rest of the body is for nothing.
      if (body instanceof Readable && received.statusCode! >= 300) body.unpipe(request)
      resolve(received as HttpResponse)
    })
    if (!(body instanceof Readable)) return void request.end(body)
    body.once('error', (error) => request.destroy(error))
    request.once('close', () => body.destroy())
    body.pipe(request)
  })
}

function limitConnecting(request: ClientRequest, ms: number): void {
  request.once('socket', (socket) => {
    if (!socket.connecting) return
    const timer = setTimeout(() => request.destroy(timeout(`no connection in ${ms / 1000} s`)), ms)
    socket.once('connect', () => clearTimeout(timer))
    request.once('close', () => clearTimeout(timer))
  })
}

/** Connections that were kept and that the server has closed at the moment of the request. */
const keptOnes = new WeakSet<Error>()

function onKept(error: Error): Error {
  keptOnes.add(error)
  return error
}

/** Whether a request may have failed only because the server had just closed a connection that was kept. */
export function wasKept(error: unknown): boolean {
  return error instanceof Error && keptOnes.has(error)
}

function noAnswer(): Error {
  return Object.assign(new Error('the server closed the connection without an answer'), {
    code: 'ECONNRESET',
  })
}

function timeout(message: string): Error {
  return Object.assign(new Error(message), { code: 'ETIMEDOUT' })
}
