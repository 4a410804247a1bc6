import type { QueryName } from '../../api/paths.ts'
import { text } from '../../api/schema.ts'
import { schemaOf, seconds } from './schemas.ts'

const flag = { enum: ['', 'true', 'false'] }

export const path = {
  name: inPath(
    'name',
    { type: 'string', minLength: 1 },
    '1 to 1,024 bytes of Unicode, slashes too.',
  ),
  hash: inPath('hash', schemaOf('Hash')),
  prefix: inPath('prefix', text, 'Keeps builds apart; may be empty or hold slashes.'),
  key: inPath('key', { type: 'string', minLength: 1 }),
  file: inPath('file', text),
}

export const query = {
  name: inQuery('name', text, 'Also store it under this name; of a form, the only file.'),
  ttl: inQuery('ttl', seconds, 'Seconds to live; 0 is as long as there is room.'),
  from: inQuery('from', schemaOf('Hash'), 'Name this content, which is there, and send no body.'),
  purge: inQuery('purge', flag, 'Remove its chunks too, which other files may share.'),
  verify: inQuery('verify', { enum: ['full', 'stream'] }, 'stream: an early first byte.'),
  download: inQuery('download', text, 'As an attachment of this name, or of its own.'),
  manifest: inQuery('manifest', flag, 'Its chunks in place of its content.'),
  health: inQuery('health', flag, 'The health of its chunks in place of its content.'),
  team: inQuery('teamId', text),
  slug: inQuery('slug', text),
} satisfies Record<QueryName | 'team' | 'slug', object>

const conditions = ['If-Match', 'If-None-Match', 'If-Modified-Since', 'If-Unmodified-Since']

export const header = {
  reading: [...conditions, 'Range', 'If-Range', 'Want-Repr-Digest', 'Want-Digest'].map(inHeader),
  writing: [...conditions, 'Repr-Digest', 'Content-Digest', 'Digest', 'Content-Encoding'].map(
    inHeader,
  ),
  deleting: conditions.map(inHeader),
}

function inPath(name: string, schema: object, description?: string) {
  return { name, in: 'path', required: true, schema, ...(description && { description }) }
}

function inQuery(name: string, schema: object, description?: string) {
  return { name, in: 'query', schema, ...(description && { description }) }
}

function inHeader(name: string) {
  return { name, in: 'header', schema: text }
}
