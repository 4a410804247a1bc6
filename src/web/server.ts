import { pathOf, type RemoteRef } from '../api/paths.ts'
import { readProblem } from '../api/problem.ts'
import { authorization, replaceToken, token } from './token.ts'

/** A request that failed, on the server or on the way to it. */
export class RemoteError extends Error {
  /** 0 without a response. */
  readonly status: number
  /** The server's `reason`; `unreachable` without a response. */
  readonly reason: string

  constructor(status: number, reason: string, message: string) {
    super(message)
    this.name = 'RemoteError'
    this.status = status
    this.reason = reason
  }
}

/** Where the server's paths begin: beside the page, which a proxy may serve below a path. */
const base = new URL('.', location.href)

/** @param path An absolute path on the server. */
export function urlAt(path: string): URL {
  return new URL(`.${path}`, base)
}

export function urlOf(ref: RemoteRef): URL {
  return urlAt(pathOf(ref))
}

export interface RequestOptions {
  method?: string
  headers?: Record<string, string>
  signal?: AbortSignal
  /** Asks the user for a token when the server needs one. Default: true. */
  ask?: boolean
}

/**
 * Resolves with a response that is 2xx or 304.
 * @throws {RemoteError} for any other.
 */
export async function request(
  url: URL,
  { headers = {}, ask = true, ...init }: RequestOptions = {},
): Promise<Response> {
  for (;;) {
    const used = token()
    const response = await send(url, { ...init, headers: { ...headers, ...authorization() } })
    if (response.ok || response.status === 304) return response
    if (response.status === 401 && ask && (await replaceToken(used))) continue
    throw remoteErrorOf(
      response.status,
      await response.text().catch(() => ''),
      response.headers.get('Cache-Status'),
    )
  }
}

/** Omits credentials, so that the browser does not ask for a password itself. */
async function send(url: URL, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, { ...init, credentials: 'omit', cache: 'no-store' })
  } catch (error) {
    if (init.signal?.aborted) throw error
    throw new RemoteError(0, 'unreachable', 'The server does not answer.')
  }
}

/** The error for a response that is not a success. */
export function remoteErrorOf(
  status: number,
  body: string,
  cacheStatus: string | null,
): RemoteError {
  const { reason = 'unknown', title, detail } = readProblem(body, cacheStatus)
  const text = [title, detail].filter(Boolean).join(': ') || `The server answered ${status}`
  return new RemoteError(status, reason, `${text}.`)
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
