import { pathOfName } from '../../api/paths.ts'
import { Digest } from '../../index.ts'

/** How a file on the server is called: 64 hexadecimal digits are a content hash, the rest names. */
export interface RemoteRef {
  readonly text: string
  readonly path: string
  readonly hash?: string
}

export function remoteRef(text: string): RemoteRef {
  if (Digest.isHex(text)) return { text, path: `/blobs/${text}`, hash: text }
  return { text, path: pathOfName(text) }
}
