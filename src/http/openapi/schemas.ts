import { REASONS } from '../problem.ts'

const hash = { type: 'string', pattern: '^[0-9a-f]{64}$' }
const count = { type: 'integer', minimum: 0 }
const state = { enum: ['intact', 'evicted', 'corrupt'] }
const counts = object({ intact: count, evicted: count, corrupt: count })
const copies = object({ wanted: count, found: count, repaired: count, silent: count })
const chunk = { hash, offset: count, size: { type: 'integer', minimum: 1 } }

export const schemas = {
  Hash: { ...hash, description: 'SHA-256 of content, as sha256sum prints it.' },
  Receipt: object(
    {
      hash,
      size: count,
      chunks: count,
      name: { type: 'string' },
      type: { type: 'string', description: 'The media type that the name was stored with.' },
      url: { type: 'string', format: 'uri-reference' },
    },
    ['name', 'type'],
  ),
  Manifest: object({
    hash,
    size: count,
    chunkSize: { type: 'integer', minimum: 1 },
    chunks: { type: 'array', items: object(chunk) },
  }),
  Health: object({
    state,
    hash,
    size: count,
    chunkSize: { type: 'integer', minimum: 1 },
    counts,
    chunks: { type: 'array', items: object({ ...chunk, state }) },
  }),
  Repair: object({ state, hash, size: count, link: copies, counts, chunks: copies }),
  Hashes: object({ hashes: { type: 'array', items: hash, maxItems: 10_000 } }),
  Missing: object({ missing: { type: 'array', items: hash, uniqueItems: true } }),
  Form: {
    type: 'object',
    properties: {
      name: { type: 'string', description: 'Names the file that follows, or the only one.' },
      ttl: { type: 'integer', minimum: 0 },
      file: {
        type: 'array',
        items: { type: 'string', contentMediaType: 'application/octet-stream' },
      },
    },
  },
  Fleet: object(
    {
      at: { type: 'string', format: 'date-time' },
      servers: { type: 'array', items: server() },
      memory: object({ used: count, total: count, waiting: count }),
      chunkSize: count,
      maxFileSize: count,
    },
    ['maxFileSize'],
  ),
  Status: object({ status: { type: 'string' } }),
  Problem: object(
    {
      title: { type: 'string' },
      status: { type: 'integer', minimum: 400, maximum: 599 },
      reason: { enum: REASONS },
      detail: { type: 'string' },
      expected: { type: 'string' },
      actual: { type: 'string' },
    },
    ['detail', 'expected', 'actual'],
  ),
}

function server() {
  return {
    type: 'object',
    required: ['server', 'up'],
    properties: { server: { type: 'string' }, up: { type: 'boolean' } },
  }
}

/** One that has these properties and no others. */
function object<T extends Record<string, unknown>>(
  properties: T,
  optional: readonly (keyof T)[] = [],
) {
  const required = Object.keys(properties).filter((name) => !optional.includes(name))
  return { type: 'object', properties, required, additionalProperties: false }
}

export function schemaOf(name: keyof typeof schemas) {
  return { $ref: `#/components/schemas/${name}` }
}
