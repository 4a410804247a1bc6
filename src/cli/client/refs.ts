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

/** A name's slashes stay, everything else that a URL would take for its own is encoded. */
export function pathOfName(name: string): string {
  return `/files/${name.split('/').map(encodeSegment).join('/')}`
}

/** Dots alone would be resolved away by whoever parses the URL. */
function encodeSegment(segment: string): string {
  return /^\.{1,2}$/.test(segment) ? segment.replaceAll('.', '%2E') : encodeURIComponent(segment)
}
