import type { ExecutionContext } from 'ava'
import { connectRaw } from './raw-http.ts'

/** An upload as it is sent over the connection. */
export interface RawUpload {
  path: string
  body: Buffer
  /** Header lines besides Host and the length of the body. */
  fields?: readonly string[]
  /** Default 1.1. */
  version?: '1.0' | '1.1'
  /** Bytes of each chunk of the transfer-encoding. Default: not chunked. */
  chunked?: number
}

/** Returns the bytes of the PUT request. */
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

/** Uploads over its own connection; resolves with all that it received. */
export async function putRaw(
  t: ExecutionContext,
  url: string,
  { fields = [], ...upload }: RawUpload,
): Promise<string> {
  const client = await connectRaw(t, url)
  client.socket.write(rawPut({ ...upload, fields: [...fields, 'Connection: close'] }))
  return client.closed()
}
