import { once } from 'node:events'
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ExecutionContext } from 'ava'

export type Handler = (req: IncomingMessage, res: ServerResponse) => void

/** A request as the origin got it. */
export interface Received {
  readonly path: string
  readonly headers: IncomingHttpHeaders
}

/** A server that has files, or does to each request what a test wants. */
export interface TestOrigin {
  /** The base of its files, with a slash at the end. */
  readonly url: string
  /** All requests until now, in order. */
  readonly received: readonly Received[]
  /** Requests for one path until now. */
  count(path: string): number
  /** Has a path answered; others are 404. */
  on(path: string, handler: Handler): void
  /** Serves bytes at a path, with these fields, and 304 where the request has their ETag. */
  file(path: string, content: Buffer | string, headers?: Record<string, string>): void
  remove(path: string): void
  close(): Promise<void>
}

/** Starts one on a free loopback port until the test ends. Paths are below `/base/`. */
export async function startOrigin(t: ExecutionContext): Promise<TestOrigin> {
  const handlers = new Map<string, Handler>()
  const received: Received[] = []
  const http = createServer((req, res) => {
    const path = req.url!.replace(/^\/base\//, '')
    received.push({ path, headers: req.headers })
    const handler = handlers.get(path)
    if (handler !== undefined) return handler(req, res)
    res.writeHead(404).end('no such file')
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  const close = async () => {
    http.closeAllConnections()
    await new Promise<void>((resolve) => http.close(() => resolve()))
  }
  t.teardown(close)
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/base/`,
    received,
    count: (path) => received.filter((request) => request.path === path).length,
    on: (path, handler) => void handlers.set(path, handler),
    file(path, content, headers = {}) {
      const tag = Object.entries(headers).find(([name]) => name.toLowerCase() === 'etag')?.[1]
      handlers.set(path, (req, res) => {
        const isSame = tag !== undefined && req.headers['if-none-match'] === tag
        res.writeHead(isSame ? 304 : 200, {
          ...headers,
          ...(!isSame && { 'Content-Length': Buffer.byteLength(content) }),
        })
        res.end(isSame ? undefined : content)
      })
    },
    remove: (path) => void handlers.delete(path),
    close,
  }
}

/** Answers with these bytes on the connection, whatever they are, and closes it. */
export function raw(...lines: string[]): Handler {
  return (req) => void req.socket.end(lines.join('\r\n'))
}
