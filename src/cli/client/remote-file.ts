import { hashInEtag } from '../../api/fields.ts'
import { pathOf, type RemoteRef } from '../../api/paths.ts'
import { Digest } from '../../digest.ts'
import { RemoteError } from './remote-error.ts'
import type { RemoteServer } from './remote-server.ts'

/** 64 lowercase hexadecimal digits are a content hash, anything else is a name. */
export function parseRef(text: string): RemoteRef {
  return Digest.isHex(text) ? { hash: text } : { name: text }
}

/**
 * The hash of the content that a name leads to now; does not check its chunks.
 * @throws {RemoteError} with the reason `no-digest` when the answer does not tell it.
 */
export async function hashNow(server: RemoteServer, ref: RemoteRef): Promise<string> {
  const hash = await hashIfTold(server, ref)
  if (hash !== undefined) return hash
  throw new RemoteError('no-digest', 'the response has no digest')
}

/** As `hashNow`; `undefined` when the answer does not tell it. */
export async function hashIfTold(
  server: RemoteServer,
  ref: RemoteRef,
): Promise<string | undefined> {
  if (ref.hash !== undefined) return ref.hash
  return server.retrying(async () => {
    // RFC 9110, 13.1.2: 304 for any file, as long as there is one. A failure of HEAD would not say why.
    const headers = { 'if-none-match': '*' }
    const response = await server.attempt({ path: pathOf(ref), headers })
    if (response.statusCode === 304) response.resume()
    else response.destroy() // A cache on the way ignores the condition, and sends the file.
    return hashInEtag(response.headers.etag)
  })
}
