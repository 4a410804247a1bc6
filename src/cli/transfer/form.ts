import { randomBytes } from 'node:crypto'
import type { Digest } from '../../digest.ts'
import { isSmall } from './local-file.ts'
import type { PutItem } from './put-plan.ts'

/** What one form takes at most: the server has more parts wait for memory, and proxies refuse 1 MiB. */
const MOST = { files: 64, bytes: 512 * 1024 }

/** What a form has of a file. */
export interface FormFile {
  readonly item: PutItem
  readonly bytes: Buffer
  readonly digest: Digest
}

/** Puts together what one form can take, in `jobs` groups at least if there are as many files; each other file is alone. */
export function* groupsOf(items: readonly PutItem[], jobs: number): Generator<PutItem[]> {
  const files = Math.min(MOST.files, Math.max(1, Math.floor(items.length / jobs)))
  let group: PutItem[] = []
  let bytes = 0
  for (const item of items) {
    if (!fits(item)) {
      yield [item]
      continue
    }
    if (group.length === files || bytes + item.size > MOST.bytes) {
      yield group
      group = []
      bytes = 0
    }
    group.push(item)
    bytes += item.size
  }
  if (group.length > 0) yield group
}

/** Returns whether a form can say what the file is: it drops empty ones without a name, and folders of Windows from names. */
function fits(item: PutItem): boolean {
  const { name, size, failure } = item
  if (failure !== undefined || !isSmall(item)) return false
  return name === undefined ? size > 0 : !/^[A-Za-z]:\\/.test(name)
}

/** Writes the body of a form (RFC 7578), and the Content-Type that goes with it. */
export function formOf(files: readonly FormFile[]): { body: Buffer; type: string } {
  const boundary = randomBytes(18).toString('hex')
  const parts = files.flatMap(({ item: { name = '', type }, bytes }, index) => [
    Buffer.from(
      `${index === 0 ? '' : '\r\n'}--${boundary}\r\nContent-Disposition: form-data; name="file"; ` +
        `filename*=UTF-8''${encoded(name)}\r\nContent-Type: ${type}\r\n\r\n`,
    ),
    bytes,
  ])
  const body = Buffer.concat([...parts, Buffer.from(`\r\n--${boundary}--\r\n`)])
  return { body, type: `multipart/form-data; boundary=${boundary}` }
}

/** Percent-encodes a value as in RFC 8187: other than `filename`, `filename*` can say every name. */
function encoded(name: string): string {
  return encodeURIComponent(name).replace(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16)}`,
  )
}
