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

/** Problems by status; each says in `reason` which one it is. */
const PROBLEMS = {
  400: 'bad-request or digest-mismatch: nothing has changed.',
  401: 'unauthorized: a token is needed.',
  403: 'forbidden: this token, or a page of another web site, may not do that.',
  404: 'not-found, evicted or corrupt: why there is no content.',
  405: 'method-not-allowed: see Allow.',
  408: 'request-timeout: the body stopped coming.',
  409: 'exists: a readable file has the name.',
  412: 'precondition-failed: the file is not the expected one.',
  413: 'too-large: said before the body where its length is known.',
  414: 'uri-too-long.',
  415: 'unsupported-media-type: this Content-Encoding is not known.',
  416: 'range-not-satisfiable: the file has none of these bytes.',
  417: 'expectation-failed: nothing but 100-continue can be expected.',
  503: 'unavailable: memcached does not answer, or there is no room for the request.',
  507: 'insufficient-storage: the cache is smaller than the file.',
} as const

type ProblemStatus = keyof typeof PROBLEMS

const OWN_HEADERS: Partial<Record<ProblemStatus, object>> = {
  401: { 'WWW-Authenticate': required({ type: 'string' }) },
  405: { Allow: required({ type: 'string' }) },
  416: { 'Content-Range': required({ type: 'string', pattern: '^bytes \\*/\\d+$' }) },
  503: { 'Retry-After': required({ type: 'string', pattern: '^\\d+$' }) },
}

export const problemAnswers = Object.fromEntries(
  Object.entries(PROBLEMS).map(([status, description]) => [
    `Problem${status}`,
    {
      description,
      headers: { ...problemHeaders, ...OWN_HEADERS[Number(status) as ProblemStatus] },
      content: { 'application/problem+json': { schema: schemaOf('Problem') } },
    },
  ]),
)

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
