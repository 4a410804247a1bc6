import { authorization, replaceToken, token } from './token.ts'

/** What the server said instead of what was asked for; `reason` never changes, the text may. */
export class Problem extends Error {
  /** 0 where there was no answer at all. */
  readonly status: number
  readonly reason: string

  constructor(status: number, reason: string, message: string) {
    super(message)
    this.name = 'Problem'
    this.status = status
    this.reason = reason
  }
}

export type FileRef = { readonly name: string } | { readonly hash: string }

/** Wherever a proxy has put the page, the server's paths are beside it. */
const base = new URL('.', location.href)

export function urlAt(path: string): URL {
  return new URL(path, base)
}

export function urlOf(ref: FileRef): URL {
  if ('hash' in ref) return urlAt(`blobs/${ref.hash}`)
  const segments = ref.name.split('/')
  // A URL swallows the segments . and .. unless the slashes beside them are encoded too.
  const isPlain = !segments.some((segment) => segment === '.' || segment === '..')
  return urlAt(`files/${segments.map(encodeURIComponent).join(isPlain ? '/' : '%2F')}`)
}

export interface RequestOptions {
  method?: string
  headers?: Record<string, string>
  signal?: AbortSignal
  /** Whether to ask the person for a token when the server does. Default true. */
  ask?: boolean
}

/**
 * The server's answer where it is 2xx or 304.
 * @throws {Problem}
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
    throw problemOf(response.status, response.headers.get('Cache-Status'), await textOf(response))
  }
}

/** Browsers answer a challenge with a dialog of their own, unless credentials are left out. */
async function send(url: URL, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, { ...init, credentials: 'omit', cache: 'no-store' })
  } catch (error) {
    if (init.signal?.aborted) throw error
    throw new Problem(0, 'unreachable', 'The server does not answer.')
  }
}

async function textOf(response: Response): Promise<string> {
  return response.text().catch(() => '')
}

/** Problem details (RFC 9457) where there are some; a HEAD request has the reason in a header alone. */
export function problemOf(status: number, cacheStatus: string | null, body: string): Problem {
  const { reason, title, detail } = parse(body)
  const said = /detail="?([a-z-]+)/.exec(cacheStatus ?? '')?.[1]
  const text = [title, detail].filter(Boolean).join(': ') || `The server answered ${status}`
  return new Problem(status, reason ?? said ?? 'unknown', `${text}.`)
}

function parse(body: string): { reason?: string; title?: string; detail?: string } {
  try {
    const value: unknown = JSON.parse(body)
    return typeof value === 'object' && value !== null ? value : {}
  } catch {
    return {}
  }
}
