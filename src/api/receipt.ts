import { isDots, pathOf } from './paths.ts'
import { count, hash, object, type TypeOf, text } from './schema.ts'

/** The answer to an upload: a new field goes here and into `receiptJson`. */
export const receiptSchema = object(
  {
    hash,
    /** Bytes. */
    size: count,
    /** Number of chunks. */
    chunks: count,
    /** The path of the file: by name if it has one that URLs can end in. */
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
  const isByName = name !== undefined && !isDots(name) // URL parsers resolve dots, encoded ones too.
  const url = base + pathOf(isByName ? { name } : { hash })
  return { hash, size, chunks, name, type, url }
}
