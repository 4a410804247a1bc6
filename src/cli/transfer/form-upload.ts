import { reprDigestOf } from '../../api/fields.ts'
import { UNNAMED, withQuery } from '../../api/paths.ts'
import type { ReceiptJson } from '../../api/receipt.ts'
import { Digest } from '../../digest.ts'
import { RemoteError } from '../client/remote-error.ts'
import type { RemoteServer } from '../client/remote-server.ts'
import { askMissing } from './ask-missing.ts'
import { type FormFile, formOf } from './form.ts'
import { readSmall } from './local-file.ts'
import type { PutItem } from './put-plan.ts'

export interface UploadOptions {
  /** Time to live in seconds. Default: the server's. */
  ttl?: number | undefined
  /** Sends the bytes even if the server has them. */
  force?: boolean | undefined
}

/**
 * Sends those of some small files in one form that the server lacks, and resolves with their receipts. There is none
 * for what has changed or cannot be read, and none at all when the form fails, which may be for one file alone.
 */
export async function uploadForm(
  items: readonly PutItem[],
  server: RemoteServer,
  options: UploadOptions,
): Promise<ReadonlyMap<PutItem, ReceiptJson>> {
  const files = items.flatMap(readFile)
  try {
    const lacking = options.force ? files : await lackingOf(files, server)
    const receipts = lacking.length === 0 ? [] : await send(lacking, server, options)
    return receiptsOf(lacking, receipts)
  } catch (error) {
    if (error instanceof RemoteError && !error.isUnreachable) return new Map()
    throw error
  }
}

function readFile(item: PutItem): FormFile[] {
  try {
    const bytes = readSmall(item)
    return bytes === undefined ? [] : [{ item, bytes, digest: Digest.of(bytes) }]
  } catch {
    return []
  }
}

async function lackingOf(files: readonly FormFile[], server: RemoteServer): Promise<FormFile[]> {
  const hashes = files.map(({ digest }) => digest.hex)
  const missing = new Set(await askMissing(server, hashes))
  return files.filter(({ digest }) => missing.has(digest.hex))
}

function send(
  files: readonly FormFile[],
  server: RemoteServer,
  { ttl }: UploadOptions,
): Promise<ReceiptJson[]> {
  const { body, type } = formOf(files)
  const headers = {
    'content-type': type,
    'content-length': String(body.length),
    'content-digest': reprDigestOf(Digest.of(body).base64),
  }
  return server.json<ReceiptJson[]>({
    method: 'POST',
    path: withQuery(UNNAMED, { ttl }),
    headers,
    body: () => body,
  })
}

/** @param receipts In the order of the files, if the server is one of ours. */
function receiptsOf(
  files: readonly FormFile[],
  receipts: readonly ReceiptJson[],
): Map<PutItem, ReceiptJson> {
  const stored = new Map<PutItem, ReceiptJson>()
  for (const [index, { item, digest }] of files.entries()) {
    const receipt = receipts[index]
    if (receipt?.hash === digest.hex) stored.set(item, receipt)
  }
  return stored
}
