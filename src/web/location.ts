import type { FileRef } from './server.ts'

const HASH = /^(?:sha256[:-])?([0-9a-f]{64})$/i

/** Where on this page a file is shown: a link that can be kept, sent and gone back to. */
export function hrefOf(ref: FileRef): string {
  if ('hash' in ref) return `#/blobs/${ref.hash}`
  return `#/files/${ref.name.split('/').map(encodeURIComponent).join('/')}`
}

/** The file that the page's address asks to see. */
export function refInLocation(): FileRef | undefined {
  return refInPath(location.hash.slice(1))
}

/** What a person typed or pasted: a link to a file, a content hash, or a name. */
export function parseQuery(text: string): FileRef | undefined {
  const query = text.trim()
  if (query === '') return undefined
  const hash = HASH.exec(query)?.[1]
  if (hash !== undefined) return { hash: hash.toLowerCase() }
  return refInLink(query) ?? { name: query }
}

function refInLink(text: string): FileRef | undefined {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) return undefined
  const url = new URL(text)
  return refInPath(url.hash.slice(1)) ?? refInPath(url.pathname)
}

function refInPath(path: string): FileRef | undefined {
  const [, kind, rest] = /(?:^|\/)(files|blobs)\/(.+)$/.exec(path) ?? []
  if (rest === undefined) return undefined
  if (kind === 'files') return nameIn(rest)
  const hash = HASH.exec(rest)?.[1]
  return hash === undefined ? undefined : { hash: hash.toLowerCase() }
}

function nameIn(path: string): FileRef | undefined {
  try {
    return { name: decodeURIComponent(path) }
  } catch {
    return undefined
  }
}
