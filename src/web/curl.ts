import type { RemoteRef } from '../api/paths.ts'
import { urlOf } from './server.ts'
import { token } from './token.ts'

/** A command that fetches the file. It takes the token from a variable, so that it can be shared. */
export function curlLine(ref: RemoteRef, name: string): string {
  const output = quote(name.split('/').pop() || 'file')
  const header = token() === undefined ? '' : ' -H "Authorization: Bearer $BLOBCACHED_TOKEN"'
  return `curl -f${header} -o ${output} ${quote(urlOf(ref).href)}`
}

/** Quotes an argument for a POSIX shell; a name that begins with a dash must not be an option. */
function quote(text: string): string {
  const safe = text.startsWith('-') ? `./${text}` : text
  return `'${safe.replaceAll("'", "'\\''")}'`
}
