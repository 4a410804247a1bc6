import { type FileRef, urlOf } from './server.ts'
import { token } from './token.ts'

/** A line that fetches the file; the token itself is not written into what people paste around. */
export function curlLine(ref: FileRef, name: string): string {
  const output = quote(name.split('/').pop() || 'file')
  const header = token() === undefined ? '' : ' -H "Authorization: Bearer $BLOBCACHED_TOKEN"'
  return `curl -f${header} -o ${output} ${quote(urlOf(ref).href)}`
}

/** For a POSIX shell; a name that begins with a dash is no option. */
function quote(text: string): string {
  const safe = text.startsWith('-') ? `./${text}` : text
  return `'${safe.replaceAll("'", "'\\''")}'`
}
