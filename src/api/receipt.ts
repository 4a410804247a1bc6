import { pathOf } from './paths.ts'
import { count, hash, object, type TypeOf, text } from './schema.ts'

/** The answer to an upload: a new field goes here and into `receiptJson`. */
export const receiptSchema = object(
  {
    hash,
    /** Bytes. */
    size: count,
    /** Number of chunks. */
    chunks: count,
    /** The path of the file: by name if it has one. */
    url: { ...text, format: 'uri-reference' },
  },
  {
    name: text,
    type: { ...text, description: 'The media type that the name was stored with.' },
  },
)
export type ReceiptJson = TypeOf<typeof receiptSchema>

/** @param base What the server's paths begin with. */
export function receiptJson(receipt: Omit<ReceiptJson, 'url'>, base = ''): ReceiptJson {
  const { hash, size, chunks, name, type } = receipt
  const url = base + pathOf(name === undefined ? { hash } : { name })
  return { hash, size, chunks, name, type, url }
}
