// Header fields that the server and its clients write and read.

/** The entity tag of content (RFC 9110, 8.8.3): its hash in quotes. */
export function etagOf(hash: string): string {
  return `"${hash}"`
}

/** The entity tag of content that was not hashed yet: it is not to be combined with other parts of it. */
export function weakEtagOf(hash: string): string {
  return `W/${etagOf(hash)}`
}

/** The content hash in an ETag field, if it has one. */
export function hashInEtag(field: unknown): string | undefined {
  return /"([0-9a-f]{64})"/.exec(String(field))?.[1]
}

/** The value of Repr-Digest (RFC 9530) for a SHA-256 in base64. */
export function reprDigestOf(base64: string): string {
  return `sha-256=:${base64}:`
}

/** The SHA-256 in a Repr-Digest field, in base64, if it has one. */
export function digestInReprDigest(field: unknown): string | undefined {
  return /sha-256=:([A-Za-z0-9+/=]+):/.exec(String(field))?.[1]
}

/** Whether HTTP can carry the text. A sealed record may come from another program. */
export function isFieldValue(text: string): boolean {
  return /^[\t\x20-\x7e\x80-\xff]+$/.test(text)
}

/** The codings of content that clients undo on their own (RFC 9110, 8.4.1). */
export const CODINGS: readonly string[] = ['gzip', 'deflate', 'br', 'zstd']

/**
 * Reads a Content-Encoding: in lower case, `identity` where there is none, `undefined` where it names a
 * coding that no client undoes.
 */
export function contentCoding(field: string | undefined): string | undefined {
  const sent = field?.trim().toLowerCase() || 'identity'
  const coding = sent.replace(/(^|[,\s])x-gzip(?=$|[,\s])/g, '$1gzip') // RFC 9110, 8.4.1.3.
  const isKnown = coding.split(',').every((each) => CODINGS.includes(each.trim()))
  return coding === 'identity' || isKnown ? coding : undefined
}

/** Whether `text` is `*` or an origin as browsers send it in the Origin field. */
export function isOrigin(text: string): boolean {
  return text === '*' || (URL.canParse(text) && new URL(text).origin === text)
}

/** RFC 3986, 3.2.2 and 3.2.3: an address in brackets or a name, and a port. */
const AUTHORITY = /^(\[[0-9a-f:.]+\]|(?:[a-z0-9._~!$&'()*+,;=-]|%[0-9a-f]{2})+)(?::[0-9]{0,5})?$/i

/** The host in a Host field, without the port, in lower case; `undefined` if it is not well-formed. */
export function hostIn(field: string): string | undefined {
  return AUTHORITY.exec(field)?.[1]?.toLowerCase()
}
