import type { RemoteRef } from '../api/paths.ts'
import { urlOf } from './server.ts'
import { token } from './token.ts'

/** A command that fetches the file. It takes the token from a variable, so that it can be shared. */
export function curlLine(ref: RemoteRef, name: string): string {
  const output = quote(name.split('/').pop() || 'file')
  return `curl -f${header()} -o ${output} ${quote(urlOf(ref).href)}`
}

/** A command that uploads a file, to try. */
export function curlUpload(): string {
  return `curl -f${header()} -T report.pdf ${quote(urlOf({ name: 'report.pdf' }).href)}`
}

function header(): string {
  return token() === undefined ? '' : ' -H "Authorization: Bearer $BLOBCACHED_TOKEN"'
}

/** Quotes an argument for a POSIX shell; a name that begins with a dash must not be an option. */
function quote(text: string): string {
  const safe = text.startsWith('-') ? `./${text}` : text
  return `'${safe.replaceAll("'", "'\\''")}'`
}
