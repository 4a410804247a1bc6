import type { Readable } from 'node:stream'
import { Agent, type Dispatcher } from 'undici'
import { pathOf, type RemoteRef } from '../../api/paths.ts'
import {
  connectionError,
  type HttpResponse,
  type RemoteError,
  responseError,
} from './remote-error.ts'
import { withRetries } from './retry.ts'

export interface RemoteServerOptions {
  /** Its address, for example `http://127.0.0.1:8080`; may have a path and credentials. */
  url: URL
  /** Sent as `Authorization: Bearer`. */
  token?: string | undefined
  /** Attempts after the first one. */
  retries: number
  /** Milliseconds without a byte from the server, which verifies whole files before it answers. */
  timeoutMs: number
  /** Aborts every call. */
  signal: AbortSignal
  onRetry?: (error: RemoteError) => void
}

export interface Call {
  /** Default: GET. */
  method?: Dispatcher.HttpMethod
  /** An absolute path with its query. */
  path: string
  headers?: Record<string, string>
  /** Makes the body, for each attempt. */
  body?: (() => Readable | string) | undefined
  /** Attempts after the first one. Default: as for all calls. */
  retries?: number
}

/** A blobcached server. A response that is not a success rejects with a `RemoteError`. */
export class RemoteServer {
  readonly #options: RemoteServerOptions
  readonly #agent: Agent
  readonly #prefix: string
  readonly #headers: Record<string, string>

  constructor(options: RemoteServerOptions) {
    const { url, token, timeoutMs } = options
    this.#options = options
    this.#prefix = url.pathname.replace(/\/+$/, '')
    this.#headers = { 'user-agent': 'blobcached-cli', ...authorization(url, token) }
    this.#agent = new Agent({ headersTimeout: timeoutMs, bodyTimeout: timeoutMs })
  }

  get signal(): AbortSignal {
    return this.#options.signal
  }

  /** Resolves with the JSON of the response. Retries transient failures. */
  json<T>(call: Call): Promise<T> {
    return this.retrying(async () => {
      const response = await this.attempt(call)
      return (await this.#explaining(response.body.json())) as T
    }, call.retries)
  }

  /** Resolves with the headers of a file. Retries transient failures. */
  async head(
    ref: RemoteRef,
    headers: Record<string, string> = {},
  ): Promise<HttpResponse['headers']> {
    return (await this.#dumped({ method: 'HEAD', path: pathOf(ref), headers })).headers
  }

  /** Retries transient failures. */
  async delete(path: string): Promise<void> {
    await this.#dumped({ method: 'DELETE', path })
  }

  async #dumped(call: Call): Promise<HttpResponse> {
    const response = await this.retrying(() => this.attempt(call))
    await response.body.dump()
    return response
  }

  /** Repeats `work` after transient failures. */
  retrying<R>(work: () => Promise<R>, retries = this.#options.retries): Promise<R> {
    const { signal, onRetry } = this.#options
    return withRetries(work, { retries, signal, onRetry })
  }

  /** Sends a request once. Rejects for any status but 2xx and 304. */
  async attempt({ method = 'GET', path, headers, body }: Call): Promise<HttpResponse> {
    const { url, signal } = this.#options
    const response = await this.#explaining(
      this.#agent.request({
        origin: url.origin,
        path: this.#prefix + path, // Not through a URL, which would resolve the dots in a name.
        method,
        headers: { ...this.#headers, ...headers },
        body: body?.() ?? null,
        signal,
      }),
    )
    if (response.statusCode < 300 || response.statusCode === 304) return response
    throw await responseError(response, url.host)
  }

  /** The pieces of a response's body. */
  async *pieces({ body }: HttpResponse): AsyncGenerator<Buffer, void, undefined> {
    try {
      yield* body as AsyncIterable<Buffer>
    } catch (error) {
      throw this.#explained(error)
    }
  }

  async #explaining<R>(reading: Promise<R>): Promise<R> {
    try {
      return await reading
    } catch (error) {
      throw this.#explained(error)
    }
  }

  #explained(error: unknown): unknown {
    const { signal, url } = this.#options
    return signal.aborted ? signal.reason : connectionError(error, url.origin)
  }

  close(): Promise<void> {
    return this.#agent.destroy()
  }
}

function authorization(url: URL, token: string | undefined): Record<string, string> {
  if (token !== undefined) return { authorization: `Bearer ${token}` }
  if (url.username === '' && url.password === '') return {}
  const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
  return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` }
}
