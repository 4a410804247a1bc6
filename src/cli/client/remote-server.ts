import type { Readable } from 'node:stream'
import { pathOf, type RemoteRef } from '../../api/paths.ts'
import { type HttpResponse, Transport, type TransportOptions } from '../../transport.ts'
import { printable } from '../terminal/printable.ts'
import { connectionFailure } from './connection-failure.ts'
import { locate, type Place } from './redirect.ts'
import { isOutage, RemoteError, readText, responseError } from './remote-error.ts'
import { withRetries } from './retry.ts'

export interface RemoteServerOptions extends TransportOptions {
  /** Ends every request. */
  signal: AbortSignal
  /** Its address, for example `http://127.0.0.1:8080`; may have a path and credentials. */
  url: URL
  /** Sent as `Authorization: Bearer`. */
  token?: string | undefined
  /** Attempts after the first one. */
  retries: number
  onRetry?: (error: RemoteError) => void
}

export interface Call {
  /** Default: GET. */
  method?: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE'
  /** An absolute path with its query. */
  path: string
  headers?: Record<string, string>
  /** Makes the body, for each attempt. */
  body?: (() => Readable | Buffer | string) | undefined
  /** Attempts after the first one; 0 for a body that can be sent once. Default: as for all calls. */
  retries?: number
}

/** Bytes of JSON that are read: a manifest of 300 GB in the usual chunks. */
const MAX_JSON = 64 * 1024 * 1024
const MAX_REDIRECTS = 5
/** Milliseconds for which an outage is not waited for again: one of several memcacheds may stay down. */
const OUTAGE_MS = 30_000

/** A blobcached server. A response that is not a success rejects with a `RemoteError`. */
export class RemoteServer {
  readonly #options: RemoteServerOptions
  readonly #transport: Transport
  /** What the paths of the server begin with. */
  readonly prefix: string
  readonly #headers: Record<string, string>
  /** When an outage that all retries did not outlast is waited for again. */
  #outageUntil = 0

  constructor(options: RemoteServerOptions) {
    const { url, token } = options
    this.#options = options
    this.prefix = url.pathname.replace(/\/+$/, '')
    this.#headers = { 'user-agent': 'blobcached-cli', ...authorization(url, token) }
    this.#transport = new Transport(options)
  }

  get signal(): AbortSignal {
    return this.#options.signal
  }

  /** Resolves with the JSON of the response, made printable. Retries transient failures. */
  json<T>(call: Call): Promise<T> {
    return this.retrying(async () => {
      const text = await this.#read(await this.attempt(call))
      return parsed(text, this.#options.url.host) as T
    }, call.retries)
  }

  /** Resolves with the headers of a file. Retries transient failures. */
  async head(ref: RemoteRef): Promise<HttpResponse['headers']> {
    return (await this.#dumped({ method: 'HEAD', path: pathOf(ref) })).headers
  }

  /** Retries transient failures. */
  async delete(path: string, headers: Record<string, string> = {}): Promise<void> {
    await this.#dumped({ method: 'DELETE', path, headers })
  }

  async #dumped(call: Call): Promise<HttpResponse> {
    return this.retrying(async () => {
      const response = await this.attempt(call)
      await this.#read(response)
      return response
    })
  }

  /** Repeats `work` after transient failures, except an outage that outlasted all retries just before. */
  async retrying<R>(work: () => Promise<R>, retries = this.#options.retries): Promise<R> {
    const { signal, onRetry } = this.#options
    const isOutageKnown = performance.now() < this.#outageUntil
    try {
      return await withRetries(work, { retries, signal, onRetry, isOutageKnown })
    } catch (error) {
      if (isOutage(error) && !isOutageKnown && retries > 0) {
        this.#outageUntil = performance.now() + OUTAGE_MS
      }
      throw error
    }
  }

  /**
   * Sends a request once, and follows redirects within the same host. Rejects for any status but 2xx
   * and 304.
   */
  async attempt(call: Call): Promise<HttpResponse> {
    const { url, token } = this.#options
    const { method = 'GET', body, retries } = call
    const isRead = method === 'GET' || method === 'HEAD'
    const isOnce = body !== undefined && retries === 0
    let place: Place = { origin: url, path: this.prefix + call.path }
    for (let redirects = 0; ; redirects++) {
      const response = await this.#send(place, call)
      if (response.statusCode < 300 || response.statusCode === 304) return response
      const next = redirects < MAX_REDIRECTS && locate(response, place, { isRead, isOnce })
      if (next) {
        response.resume()
        place = next
        continue
      }
      const error = await responseError(response, url.host, token !== undefined)
      if (!response.complete) response.destroy() // Neither all of it was read nor all was sent.
      throw error
    }
  }

  async #send({ origin, path }: Place, call: Call): Promise<HttpResponse> {
    const { method = 'GET', headers, body } = call
    try {
      return await this.#transport.send({
        origin,
        path,
        method,
        headers: { ...this.#headers, ...headers },
        body: body?.(),
        signal: this.#options.signal,
      })
    } catch (error) {
      throw this.#explained(error, true)
    }
  }

  async #read(response: HttpResponse): Promise<string> {
    try {
      return await readText(response, MAX_JSON)
    } catch (error) {
      throw this.#explained(error)
    }
  }

  /** The pieces of a response's body. */
  async *pieces(response: HttpResponse): AsyncGenerator<Buffer, void, undefined> {
    try {
      yield* response as AsyncIterable<Buffer>
    } catch (error) {
      throw this.#explained(error)
    }
  }

  #explained(error: unknown, isUnreachable = false): unknown {
    const { signal, url } = this.#options
    return signal.aborted ? signal.reason : connectionFailure(error, url, isUnreachable)
  }

  close(): void {
    this.#transport.close()
  }
}

function parsed(text: string, host: string): unknown {
  try {
    return JSON.parse(text, (_key, value) => (typeof value === 'string' ? printable(value) : value))
  } catch (cause) {
    throw new RemoteError('no-json', `${host} answered with something else than JSON`, { cause })
  }
}

function authorization(url: URL, token: string | undefined): Record<string, string> {
  if (token !== undefined) return { authorization: `Bearer ${token}` }
  if (url.username === '' && url.password === '') return {}
  const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
  return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` }
}
