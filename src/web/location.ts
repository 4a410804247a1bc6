import { pathOf, type RemoteRef } from '../api/paths.ts'

const HASH = /^(?:sha256[:-])?([0-9a-f]{64})$/i

/** The link that shows a file on this page. */
export function hrefOf(ref: RemoteRef): string {
  return `#${pathOf(ref)}`
}

/** The file that the page's address names. */
export function refInLocation(): RemoteRef | undefined {
  return refInPath(location.hash.slice(1))
}

/** Parses what the user typed: a link to a file, a content hash, or a name. */
export function parseQuery(text: string): RemoteRef | undefined {
  const query = text.trim()
  if (query === '') return undefined
  const hash = HASH.exec(query)?.[1]
  if (hash !== undefined) return { hash: hash.toLowerCase() }
  return refInLink(query) ?? { name: query }
}

function refInLink(text: string): RemoteRef | undefined {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) return undefined
  const url = new URL(text)
  return refInPath(url.hash.slice(1)) ?? refInPath(url.pathname)
}

function refInPath(path: string): RemoteRef | undefined {
  const [, kind, rest] = /(?:^|\/)(files|blobs)\/(.+)$/.exec(path) ?? []
  if (rest === undefined) return undefined
  if (kind === 'files') return nameIn(rest)
  const hash = HASH.exec(rest)?.[1]
  return hash === undefined ? undefined : { hash: hash.toLowerCase() }
}

function nameIn(path: string): RemoteRef | undefined {
  try {
    return { name: decodeURIComponent(path) }
  } catch {
    return undefined
  }
}
