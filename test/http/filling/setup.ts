import { createHash } from 'node:crypto'
import type { ExecutionContext } from 'ava'
import type { OriginOptions } from '../../../src/http/index.ts'
import { type Answer, type Ask, ask } from '../../helpers/http.ts'
import { startOrigin, type TestOrigin } from '../../helpers/origin.ts'
import { startTestServer, type TestServer, type TestServerOptions } from '../../helpers/server.ts'

export interface Filled {
  readonly double: TestOrigin
  readonly server: TestServer
  /** Asks the server. */
  get(path: string, request?: Ask): Promise<Answer>
}

/** Starts a server with an origin of its own. */
export async function startFilled(
  t: ExecutionContext,
  options: Partial<OriginOptions> = {},
  server: TestServerOptions = {},
): Promise<Filled> {
  const double = await startOrigin(t)
  const origin = { url: double.url, timeoutMs: 20_000, ...options }
  const running = await startTestServer(t, { store: { chunkSize: 1000 }, ...server, origin })
  return { double, server: running, get: (path, request) => ask(running.url + path, request) }
}

export function hashOf(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}
