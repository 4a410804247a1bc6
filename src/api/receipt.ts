import { pathOf } from './paths.ts'
import { count, hash, object, text } from './schema.ts'

/** The answer to an upload. A new field goes here, into `receiptJson` and into the schema. */
export interface ReceiptJson {
  /** The SHA-256 of the content. */
  hash: string
  /** Bytes. */
  size: number
  /** Number of chunks. */
  chunks: number
  name?: string | undefined
  /** The media type that the name was stored with. */
  type?: string | undefined
  /** The path of the file: by name if it has one. */
  url: string
}

export function receiptJson(receipt: Omit<ReceiptJson, 'url'>): ReceiptJson {
  const { hash, size, chunks, name, type } = receipt
  return { hash, size, chunks, name, type, url: receiptUrl(receipt) }
}

export function receiptUrl({ name, hash }: Pick<ReceiptJson, 'name' | 'hash'>): string {
  return pathOf(name === undefined ? { hash } : { name })
}

export const receiptSchema = object<ReceiptJson>(
  {
    hash,
    size: count,
    chunks: count,
    name: text,
    type: { ...text, description: 'The media type that the name was stored with.' },
    url: { ...text, format: 'uri-reference' },
  },
  ['name', 'type'],
)
