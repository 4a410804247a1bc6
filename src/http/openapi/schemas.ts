import { batchSchema } from '../../api/batch.ts'
import { healthSchema, manifestSchema, repairSchema } from '../../api/chunks.ts'
import { fleetSchema } from '../../api/fleet.ts'
import { hashesSchema, missingSchema } from '../../api/missing.ts'
import { problemSchema } from '../../api/problem.ts'
import { receiptSchema } from '../../api/receipt.ts'
import { hash, object, text } from '../../api/schema.ts'

/** How long something lives. */
export const seconds = { type: 'integer', minimum: 0, maximum: 315_360_000 }

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
    description: 'At least one file, in a field of any name; other fields than these are ignored.',
    properties: {
      name: { ...text, description: 'Names the file that follows, or the only one.' },
      ttl: { ...seconds, description: 'For all files. Either here or in the query.' },
      file: {
        type: 'array',
        description: 'Each is named by its file name where no name is before it.',
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
