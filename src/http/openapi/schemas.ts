import { batchSchema } from '../../api/batch.ts'
import { healthSchema, manifestSchema, repairSchema } from '../../api/chunks.ts'
import { fleetSchema } from '../../api/fleet.ts'
import { hashesSchema, missingSchema } from '../../api/missing.ts'
import { problemSchema } from '../../api/problem.ts'
import { receiptSchema } from '../../api/receipt.ts'
import { count, hash, object, text } from '../../api/schema.ts'

export const schemas = {
  Hash: { ...hash, description: 'SHA-256 of content, as sha256sum prints it.' },
  Receipt: receiptSchema,
  Manifest: manifestSchema,
  Health: healthSchema,
  Repair: repairSchema,
  Hashes: hashesSchema,
  Missing: missingSchema,
  Batch: batchSchema,
  Form: {
    type: 'object',
    properties: {
      name: { ...text, description: 'Names the file that follows, or the only one.' },
      ttl: count,
      file: {
        type: 'array',
        items: { type: 'string', contentMediaType: 'application/octet-stream' },
      },
    },
  },
  Fleet: fleetSchema,
  Status: object({ status: text }),
  Problem: problemSchema,
}

export function schemaOf(name: keyof typeof schemas) {
  return { $ref: `#/components/schemas/${name}` }
}
