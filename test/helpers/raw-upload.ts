import type { ExecutionContext } from 'ava'
import { connectRaw } from './raw-http.ts'

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
export function rawPut({ path, body, fields = [], version = '1.1', chunked }: RawUpload): Buffer {
  const framing =
    chunked === undefined ? `Content-Length: ${body.length}` : 'Transfer-Encoding: chunked'
  const head = [`PUT ${path} HTTP/${version}`, 'Host: x', framing, ...fields, '', '']
  return Buffer.concat([
    Buffer.from(head.join('\r\n')),
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

/** Uploads over a connection of its own, and resolves with all that came back. */
export async function putRaw(
  t: ExecutionContext,
  url: string,
  { fields = [], ...upload }: RawUpload,
): Promise<string> {
  const client = await connectRaw(t, url)
  client.socket.write(rawPut({ ...upload, fields: [...fields, 'Connection: close'] }))
  return client.closed()
}
