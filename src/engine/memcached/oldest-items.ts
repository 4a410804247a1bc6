import { isKeyOfFiles } from '../key.ts'
import { ConnectionError } from './connection-error.ts'
import { Refusal } from './refusal.ts'
import { expectVersion, openText, type TextAccess } from './text-access.ts'
import type { TextConnection } from './text-connection.ts'

/** An item, and which version of it: it is not the same any more when it was written again. */
export interface ItemVersion {
  readonly key: string
  readonly cas: string
}

type UsedItem = ItemVersion & { readonly usedAt: number }

/** Memcached shows the items of its three or four queues of a class in turn, each from its old end. */
const QUEUES = 4
/** Milliseconds after which what was shown so far has to do. */
const SPAN = 1000
const ITEM = /^key=(\S+) .*\bla=(\d{1,15}) .*\bcas=([1-9]\d{0,19}) /

/**
 * The up to `count` items of a class that have not been used for longest, these first; only those of
 * files, since what others store is not ours to remove. None where memcached does not tell, and
 * `undefined` where it would at another time.
 * @throws {ConnectionError}
 * @throws {Refusal} after a question that was not answered: another one might hold up more of memcached.
 */
export async function oldestItems(
  access: TextAccess,
  slabClass: number,
  count: number,
): Promise<ItemVersion[] | undefined> {
  const connection = openText(access)
  try {
    // Open before we look whether it is a good time, so that no time passes in between.
    connection.write('version')
    await expectVersion(connection)
    const crawling = await crawlerState(access)
    if (crawling === 'none') return []
    if (crawling === 'busy') return undefined
    connection.write(`lru_crawler metadump ${slabClass}`)
    return await readOldest(connection, count)
  } finally {
    connection.close() // The rest of a long list is not worth reading, and others wait for its end.
  }
}

/**
 * What would list the items. Asked for a list while another one is not read by who asked for it, memcached
 * stops a thread with all its connections until it is; `stats` never has to wait.
 */
async function crawlerState({ client }: TextAccess): Promise<'none' | 'busy' | 'idle'> {
  const running = (await client.figures()).get('lru_crawler_running')
  if (running === undefined) return 'none'
  return running === '0' ? 'idle' : 'busy'
}

async function readOldest(
  connection: TextConnection,
  count: number,
): Promise<ItemVersion[] | undefined> {
  const items: UsedItem[] = []
  const end = performance.now() + SPAN
  try {
    let line = await connection.line()
    if (line.startsWith('BUSY')) return undefined
    for (let lines = 1; line.startsWith('key='); lines++) {
      const item = parseItem(line)
      if (item !== undefined) items.push(item)
      if (lines === count * QUEUES || performance.now() > end) break
      line = await connection.line()
    }
  } catch (error) {
    if (!(error instanceof ConnectionError && error.code === 'timeout')) throw error
    throw new Refusal('memcached did not list its items', error)
  }
  return items.sort((a, b) => a.usedAt - b.usedAt).slice(0, count)
}

/** One line of `lru_crawler metadump`; `undefined` for what is not of a file, or has no version. */
export function parseItem(line: string): UsedItem | undefined {
  const [, encoded = '', usedAt = '', cas = ''] = ITEM.exec(line) ?? []
  const key = encoded.replace(/%([0-9a-f]{2})/gi, (_, hex) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  return isKeyOfFiles(key) ? { key, cas, usedAt: Number(usedAt) } : undefined
}
