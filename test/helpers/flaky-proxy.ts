import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'node:stream'
import type { ExecutionContext } from 'ava'

/** The fault of one request; `undefined` passes the request on. */
export type Fault =
  | { status: number; headers?: Record<string, string>; body?: string }
  /** Cuts the connection after so many bytes of the body, once `before` has resolved. */
  | { cutAfter: number; before?: () => Promise<void> }
  | undefined

export interface FlakyProxy {
  readonly url: string
  /** The requests received, in order. */
  readonly requests: IncomingMessage[]
}

/** Starts a proxy in front of a server, with a fault for each request by its number from 0. */
export async function startFlakyProxy(
  t: ExecutionContext,
  target: { url: string },
  faultOf: (index: number, req: IncomingMessage) => Fault,
): Promise<FlakyProxy> {
  const requests: IncomingMessage[] = []
  const proxy = createServer((req, res) => {
    const fault = faultOf(requests.push(req) - 1, req)
    if (fault !== undefined && 'status' in fault) {
      req.resume()
      res.writeHead(fault.status, fault.headers).end(fault.body)
      return
    }
    const { method, headers, url } = req
    const forward = request(target.url + url, { method, headers }, (answer) => {
      res.writeHead(answer.statusCode!, answer.headers)
      if (fault === undefined) return void pipeline(answer, res, () => {})
      if (fault.cutAfter === 0) return void cut(res, fault.before)
      let left = fault.cutAfter
      answer.on('data', (bytes: Buffer) => {
        if (left > 0) res.write(bytes.subarray(0, left))
        const isEnough = left > 0 && left <= bytes.length
        left -= bytes.length
        if (isEnough) void cut(res, fault.before)
      })
    })
    forward.on('error', () => res.destroy())
    pipeline(req, forward, () => {})
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  t.teardown(() => {
    proxy.closeAllConnections()
    proxy.close()
  })
  return { url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, requests }
}

async function cut(res: ServerResponse, before?: () => Promise<void>): Promise<void> {
  await before?.()
  res.socket?.end()
}
