import { isKeyOfFiles } from '../../key.ts'
import { ConnectionError } from '../connection-error.ts'
import { Refusal } from './refusal.ts'
import { openText, type TextAccess, type TextConnection } from './text-connection.ts'

/** One version of an item; another one is there when it was written again. */
export interface ItemVersion {
  readonly key: string
  readonly cas: string
}

type UsedItem = ItemVersion & { readonly usedAt: number }

/** Memcached lists the three or four queues of a class in turn, each from its oldest item. */
const QUEUES = 4
/** Milliseconds after which the rest of the list is ignored. */
const SPAN = 1000
const ITEM = /^key=(\S+) .*\bla=(\d{1,15}) .*\bcas=([1-9]\d{0,19}) /

/**
 * Resolves with up to `count` items of a class, the least recently used first. Only those that
 * belong to files, since other applications may use the same memcached. With none when memcached
 * cannot list them, and with `undefined` when it is busy now.
 * @throws {ConnectionError}
 * @throws {Refusal} when it did not answer; asking again might block more threads of memcached.
 */
export async function oldestItems(
  access: TextAccess,
  slabClass: number,
  count: number,
): Promise<ItemVersion[] | undefined> {
  const connection = openText(access)
  try {
    // Connects first, so that no time passes between the look at the crawler and the command.
    connection.write('version')
    await connection.expectVersion()
    const crawling = await crawlerState(access)
    if (crawling === 'none') return []
    if (crawling === 'busy') return undefined
    connection.write(`lru_crawler metadump ${slabClass}`)
    return await readOldest(connection, count)
  } finally {
    connection.close() // Memcached serves no other list until this one has been read or given up.
  }
}

/**
 * Resolves with the state of the crawler, which lists items. Asked for a list while another client
 * does not read its own, memcached blocks a thread with all its connections; `stats` never blocks.
 */
async function crawlerState({ commands }: TextAccess): Promise<'none' | 'busy' | 'idle'> {
  const running = (await commands.stats()).get('lru_crawler_running')
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

/**
 * Parses a line of `lru_crawler metadump`. Returns `undefined` for items of others or without a
 * version.
 */
export function parseItem(line: string): UsedItem | undefined {
  const [, encoded = '', usedAt = '', cas = ''] = ITEM.exec(line) ?? []
  const key = encoded.replace(/%([0-9a-f]{2})/gi, (_, hex) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  return isKeyOfFiles(key) ? { key, cas, usedAt: Number(usedAt) } : undefined
}
