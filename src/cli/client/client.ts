import type { Readable } from 'node:stream'
import { Agent, type Dispatcher } from 'undici'
import { readProblem } from './problem.ts'
import { connectionError, type RemoteError } from './remote-error.ts'
import { withRetries } from './retry.ts'

export interface ClientOptions {
  /** Where the server is, for example `http://127.0.0.1:8080`; a path and credentials are fine. */
  server: URL
  /** Sent as `Authorization: Bearer`. */
  token?: string | undefined
  /** Attempts after the first one. */
  retries: number
  /** Milliseconds that the server may be silent; it verifies whole files before it answers. */
  timeoutMs: number
  signal: AbortSignal
  onRetry?: (error: RemoteError) => void
}

export interface Call {
  method?: Dispatcher.HttpMethod
  /** An absolute path with its query. */
  path: string
  headers?: Record<string, string>
  /** Makes the body anew for each attempt. */
  body?: (() => Readable | string) | undefined
  /** Attempts after the first one, where it is not as for all calls. */
  retries?: number
}

export type Answer = Dispatcher.ResponseData

/** Talks to one blobcached server. An answer that is not a success becomes a `RemoteError`. */
export class Client {
  readonly #options: ClientOptions
  readonly #agent: Agent
  readonly #prefix: string
  readonly #headers: Record<string, string>

  constructor(options: ClientOptions) {
    const { server, token, timeoutMs } = options
    this.#options = options
    this.#prefix = server.pathname.replace(/\/+$/, '')
    this.#headers = { 'user-agent': 'blobcached-cli', ...authorization(server, token) }
    this.#agent = new Agent({ headersTimeout: timeoutMs, bodyTimeout: timeoutMs })
  }

  get signal(): AbortSignal {
    return this.#options.signal
  }

  /** Does the call, again where that makes sense, and resolves with the answer's head. */
  call(call: Call): Promise<Answer> {
    return this.retrying(() => this.attempt(call), call.retries)
  }

  /** As `call`, for an answer that is JSON. */
  async json<T>(call: Call): Promise<T> {
    return this.retrying(async () => {
      const answer = await this.attempt(call)
      return (await this.#telling(answer.body.json())) as T
    }, call.retries)
  }

  /** Does `work` again while it fails with what may be over soon. */
  retrying<R>(work: () => Promise<R>, retries = this.#options.retries): Promise<R> {
    const { signal, onRetry } = this.#options
    return withRetries(work, { retries, signal, onRetry })
  }

  /** One attempt. Rejects for any status but 2xx and 304. */
  async attempt({ method = 'GET', path, headers, body }: Call): Promise<Answer> {
    const answer = await this.#telling(
      this.#agent.request({
        origin: this.#options.server.origin,
        path: this.#prefix + path, // As it is: a URL would resolve the dots in a name.
        method,
        headers: { ...this.#headers, ...headers },
        body: body?.() ?? null,
        signal: this.#options.signal,
      }),
    )
    if (answer.statusCode < 300 || answer.statusCode === 304) return answer
    throw await readProblem(answer, this.#options.server.host)
  }

  /** The answer's body; what goes wrong with the connection is told in the terms of this client. */
  async *pieces({ body }: Answer): AsyncGenerator<Buffer, void, undefined> {
    try {
      yield* body as AsyncIterable<Buffer>
    } catch (error) {
      throw this.#failure(error)
    }
  }

  async #telling<R>(reading: Promise<R>): Promise<R> {
    try {
      return await reading
    } catch (error) {
      throw this.#failure(error)
    }
  }

  #failure(error: unknown): unknown {
    const { signal, server } = this.#options
    return signal.aborted ? signal.reason : connectionError(error, server.origin)
  }

  close(): Promise<void> {
    return this.#agent.destroy()
  }
}

function authorization(server: URL, token: string | undefined): Record<string, string> {
  if (token !== undefined) return { authorization: `Bearer ${token}` }
  if (server.username === '' && server.password === '') return {}
  const pair = `${decodeURIComponent(server.username)}:${decodeURIComponent(server.password)}`
  return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` }
}
