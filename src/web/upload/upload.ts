import { pathOf, type RemoteRef, withQuery } from '../../api/paths.ts'
import type { ReceiptJson } from '../../api/receipt.ts'
import { RemoteError, remoteErrorOf, urlAt } from '../server.ts'
import { authorization, replaceToken, token } from '../token.ts'

export interface Uploaded extends ReceiptJson {
  /** Whether the name led to a file before. */
  readonly replaced: boolean
}

export interface UploadOptions {
  /** Seconds to live. Default: the server's. */
  ttl?: number | undefined
  /** The SHA-256 in hexadecimal that the file must have. Default: any. */
  hash?: string | undefined
  signal?: AbortSignal
  onProgress(sent: number): void
}

/**
 * Uploads a file, which the browser reads from disk as it sends it. With XMLHttpRequest, since
 * `fetch` reports no progress of uploads.
 * @throws {RemoteError}
 */
export async function upload(
  file: File,
  ref: RemoteRef,
  options: UploadOptions,
): Promise<Uploaded> {
  for (;;) {
    const used = token()
    const response = await put(file, ref, options)
    const { status, responseText } = response
    if (status === 200 || status === 201) {
      return { ...JSON.parse(responseText), replaced: status === 200 }
    }
    if (status === 401 && (await replaceToken(used))) continue
    throw remoteErrorOf(status, responseText, response.getResponseHeader('Cache-Status'))
  }
}

function put(
  file: File,
  ref: RemoteRef,
  { ttl, hash, signal, onProgress }: UploadOptions,
): Promise<XMLHttpRequest> {
  const url = urlAt(withQuery(pathOf(ref), { ttl }))
  return new Promise((resolve, reject) => {
    const sending = new XMLHttpRequest()
    const abort = () => sending.abort()
    sending.open('PUT', url)
    for (const [field, value] of Object.entries(authorization())) {
      sending.setRequestHeader(field, value)
    }
    if (hash !== undefined) sending.setRequestHeader('Repr-Digest', digestField(hash))
    sending.upload.onprogress = (event) => onProgress(event.loaded)
    sending.onload = () => resolve(sending)
    sending.onerror = () => reject(new RemoteError(0, 'unreachable', BROKEN))
    sending.onabort = () => reject(signal?.reason)
    sending.onloadend = () => signal?.removeEventListener('abort', abort)
    signal?.addEventListener('abort', abort)
    if (signal?.aborted) return reject(signal.reason)
    sending.send(file)
  })
}

/** The value of Repr-Digest (RFC 9530). */
function digestField(hash: string): string {
  const bytes = hash.match(/../g)!.map((byte) => Number.parseInt(byte, 16))
  return `sha-256=:${btoa(String.fromCharCode(...bytes))}:`
}

const BROKEN = 'The connection broke. Nothing was stored; try again.'
