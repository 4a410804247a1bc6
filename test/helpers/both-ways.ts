import type { ExecutionContext } from 'ava'
import { createApp } from '../../src/http/index.ts'
import type { FileStore } from '../../src/index.ts'
import { type Answer, type Ask, ask } from './http.ts'
import { connectRaw } from './raw-http.ts'
import { listen } from './server.ts'

/** The two ways that a GET or PUT of a whole file may go; an empty query takes Koa to be looked at. */
export const WAYS = { plain: '', koa: '?' } as const

export type Way = keyof typeof WAYS
export const ways = Object.keys(WAYS) as Way[]

/** The same GET once each way, first without Koa. */
export async function askBothWays(
  url: string,
  headers: NonNullable<Ask['headers']> = {},
): Promise<Record<Way, Answer>> {
  return bothWays((way) => ask(url + WAYS[way], { headers }))
}

/** The same work once each way, first without Koa. */
export async function bothWays<T>(work: (way: Way) => Promise<T>): Promise<Record<Way, T>> {
  const plain = await work('plain')
  return { plain, koa: await work('koa') }
}

/** An upload as it goes over the connection. */
export interface RawUpload {
  path: string
  body: Buffer
  /** Lines of the header, beside Host and how long the body is. */
  fields?: readonly string[]
  /** Default 1.1. */
  version?: '1.0' | '1.1'
  /** Bytes of each chunk of the transfer-encoding. Default: not chunked. */
  chunked?: number
}

/** The bytes of that PUT. */
export function rawPut(way: Way, upload: RawUpload): Buffer {
  const { path, body, fields = [], version = '1.1', chunked } = upload
  const framing =
    chunked === undefined ? `Content-Length: ${body.length}` : 'Transfer-Encoding: chunked'
  const head = [`PUT ${path}${WAYS[way]} HTTP/${version}`, 'Host: x', framing, ...fields, '', '']
  return Buffer.concat([
    Buffer.from(head.join('\r\n'), 'latin1'),
    chunked === undefined ? body : inChunks(body, chunked),
  ])
}

function inChunks(body: Buffer, size: number): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; at < body.length; at += size) {
    const part = body.subarray(at, at + size)
    parts.push(Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n'))
  }
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')])
}

/** Uploads over a connection of its own, and resolves with all that came back but date and id. */
export async function putRaw(
  t: ExecutionContext,
  url: string,
  way: Way,
  { fields = [], ...upload }: RawUpload,
): Promise<string> {
  const client = await connectRaw(t, url)
  client.socket.write(rawPut(way, { ...upload, fields: [...fields, 'Connection: close'] }))
  return withoutDateAndId(await client.closed())
}

/** Answers as they came, but for what differs from one request to the next. */
export function withoutDateAndId(text: string): string {
  return text.replace(/^(Date|X-Request-Id): .+(?=\r$)/gm, '$1: …')
}

/** A server that counts the requests that Koa gets to see. */
export async function startCounting(
  t: ExecutionContext,
  store: FileStore,
): Promise<{ url: string; seenByKoa: () => number }> {
  const app = createApp(store)
  let seen = 0
  const { handleRequest } = app as unknown as { handleRequest: (...args: unknown[]) => unknown }
  Object.assign(app, {
    handleRequest(...args: unknown[]) {
      seen++
      return handleRequest.apply(app, args)
    },
  })
  return { url: await listen(t, app.callback()), seenByKoa: () => seen }
}
