import { type FileRef, Problem, problemOf, urlOf } from './server.ts'
import { authorization, replaceToken, token } from './token.ts'

export interface Receipt {
  readonly hash: string
  readonly size: number
  readonly chunks: number
  readonly name?: string
  readonly type?: string
  /** Whether there was such a file before. */
  readonly replaced: boolean
}

export interface UploadOptions {
  /** Seconds to live; the server's default where there is none. */
  ttl: string
  signal: AbortSignal
  onProgress(sent: number): void
}

/**
 * Sends a file, which the browser reads from disk as the network takes it. XMLHttpRequest, since
 * `fetch` tells nothing of how far an upload has come.
 * @throws {Problem}
 */
export async function upload(file: File, name: string, options: UploadOptions): Promise<Receipt> {
  for (;;) {
    const used = token()
    const answer = await put(file, { name }, options)
    const { status } = answer
    if (status === 200 || status === 201) {
      return { ...JSON.parse(answer.responseText), replaced: status === 200 }
    }
    if (status === 401 && (await replaceToken(used))) continue
    throw problemOf(status, answer.getResponseHeader('Cache-Status'), answer.responseText)
  }
}

function put(
  file: File,
  ref: FileRef,
  { ttl, signal, onProgress }: UploadOptions,
): Promise<XMLHttpRequest> {
  const url = urlOf(ref)
  if (ttl !== '') url.searchParams.set('ttl', ttl)
  return new Promise((resolve, reject) => {
    const sending = new XMLHttpRequest()
    const abort = () => sending.abort()
    sending.open('PUT', url)
    for (const [field, value] of Object.entries(authorization())) {
      sending.setRequestHeader(field, value)
    }
    sending.upload.onprogress = (event) => onProgress(event.loaded)
    sending.onload = () => resolve(sending)
    sending.onerror = () => reject(new Problem(0, 'unreachable', BROKEN))
    sending.onabort = () => reject(signal.reason)
    sending.onloadend = () => signal.removeEventListener('abort', abort)
    signal.addEventListener('abort', abort)
    if (signal.aborted) return reject(signal.reason)
    sending.send(file)
  })
}

const BROKEN = 'The connection broke. Nothing leads to the part that was sent; try again.'
