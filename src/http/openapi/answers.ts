import { type ProblemStatus, REASONS } from '../../api/reasons.ts'
import { schemaOf, type schemas } from './schemas.ts'

const etag = required({ type: 'string', pattern: '^"[0-9a-f]{64}"$' })
const text = { schema: { type: 'string' } }

const file = {
  ETag: etag,
  'Cache-Control': required({ type: 'string' }),
  'Cache-Status': required({ const: 'blobcached; hit' }),
  'Accept-Ranges': required({ const: 'bytes' }),
  'Content-Length': required({ type: 'string', pattern: '^\\d+$' }),
  'X-Content-Type-Options': required({ const: 'nosniff' }),
  'Content-Security-Policy': required({ const: 'sandbox' }),
  'Repr-Digest': text,
  Digest: text,
  'Last-Modified': text,
  'Content-Disposition': text,
  'Content-Encoding': text,
}
const bytes = { '*/*': { schema: {} } }

const problemHeaders = {
  'Cache-Control': required({ const: 'no-store' }),
  'Cache-Status': required({ type: 'string', pattern: '^blobcached; detail=[a-z-]+$' }),
}

/** Answers with stored content, or what tells of it. */
export const reading = {
  200: { description: 'The whole file, verified.', headers: file, content: bytes },
  206: {
    description: 'One range, or several as multipart/byteranges, verified.',
    headers: { ...file, 'Content-Range': text },
    content: bytes,
  },
  304: { description: 'What the client has is right.', headers: { ETag: etag } },
}

/** Without what is not known of a file while it comes from an origin. */
const { 'Accept-Ranges': _, ...described } = file
const passed = {
  ...described,
  ETag: { schema: etag.schema },
  'Content-Length': { schema: file['Content-Length'].schema },
  'Cache-Status': required({ type: 'string', pattern: '^blobcached; (hit|fwd=)' }),
  Age: text,
}

/** As `reading`, where an origin may have what is not stored. */
export const readingThrough = {
  200: {
    description:
      'The whole file, verified; or, while it comes from the origin, cut off where it turns out to be wrong.',
    headers: passed,
    content: bytes,
  },
  206: {
    description: 'One range, or several as multipart/byteranges, verified or from the origin.',
    headers: { ...passed, 'Content-Range': text },
    content: bytes,
  },
  304: reading[304],
}

export const writing = {
  200: receipt('It took the place of another.'),
  201: receipt('It is new.'),
}

function receipt(description: string) {
  return {
    ...json(description, 'Receipt'),
    headers: { ETag: etag, Location: required({ type: 'string', format: 'uri-reference' }) },
  }
}

export function json(description: string, schema: keyof typeof schemas) {
  return { description, content: { 'application/json': { schema: schemaOf(schema) } } }
}

export function plain(description: string, type: string) {
  return { description, content: { [type]: { schema: { type: 'string' } } } }
}

export function nothing(description: string) {
  return { description }
}

const OWN_HEADERS: Partial<Record<ProblemStatus, object>> = {
  401: { 'WWW-Authenticate': required({ type: 'string' }) },
  405: { Allow: required({ type: 'string' }) },
  416: { 'Content-Range': required({ type: 'string', pattern: '^bytes \\*/\\d+$' }) },
  503: { 'Retry-After': required({ type: 'string', pattern: '^\\d+$' }) },
}

/** An answer for each status, which says the reasons that have it. */
export const problemAnswers = Object.fromEntries(
  Object.values(REASONS).map(({ status }) => [
    `Problem${status}`,
    {
      description: `${reasonsOf(status).join('. ')}.`,
      headers: { ...problemHeaders, ...OWN_HEADERS[status] },
      content: { 'application/problem+json': { schema: schemaOf('Problem') } },
    },
  ]),
)

function reasonsOf(status: ProblemStatus): string[] {
  const entries = Object.entries(REASONS).filter(([, facts]) => facts.status === status)
  return entries.map(([reason, { title }]) => `${reason}: ${title}`)
}

/** What any request may meet, and these. */
export function problems(...statuses: ProblemStatus[]) {
  const all: ProblemStatus[] = [400, 401, 403, 405, 414, 417, 503, ...statuses]
  return Object.fromEntries(
    all.map((status) => [status, { $ref: `#/components/responses/Problem${status}` }]),
  )
}

export const whileUploading: ProblemStatus[] = [408, 412, 413, 415, 507]

function required(schema: object) {
  return { required: true, schema }
}
