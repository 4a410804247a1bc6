import type { ConnectionConfig } from './connection.ts'
import { TextConnection } from './text-connection.ts'

/** An item, and which version of it: it is not the same any more when it was written again. */
export interface ItemVersion {
  readonly key: string
  readonly cas: string
}

/** Memcached shows the items of its three or four queues of a class in turn, each from its old end. */
const QUEUES = 4
const ITEM = /^key=(\S+) .*\bla=(\d{1,15}) .*\bcas=([1-9]\d{0,19}) /
/** What can be sent as part of a line: whoever stored it may have chosen a key that holds a line's end. */
const KEY = /^[!-~]{1,250}$/

/**
 * The up to `count` items of a class that have not been used for longest, these first. None where
 * memcached does not tell.
 * @throws {ConnectionError}
 */
export async function oldestItems(
  config: ConnectionConfig,
  slabClass: number,
  count: number,
  limitMs: number,
  signal: AbortSignal,
): Promise<ItemVersion[]> {
  if (count < 1) return []
  const connection = new TextConnection(config, limitMs, signal)
  try {
    const command = `lru_crawler metadump ${slabClass}`
    connection.write(command)
    const items: (ItemVersion & { usedAt: number })[] = []
    let line = await connection.answerTo(command)
    for (let lines = 1; line.startsWith('key='); lines++) {
      const item = parseItem(line)
      if (item !== undefined) items.push(item)
      if (lines === count * QUEUES) break
      line = await connection.line()
    }
    return items.sort((a, b) => a.usedAt - b.usedAt).slice(0, count)
  } finally {
    connection.close() // The rest of a long list is not worth reading.
  }
}

/** One line of `lru_crawler metadump`; `undefined` for what cannot be named in a command. */
export function parseItem(line: string): (ItemVersion & { usedAt: number }) | undefined {
  const [, encoded = '', usedAt = '', cas = ''] = ITEM.exec(line) ?? []
  const key = encoded.replace(/%([0-9a-f]{2})/gi, (_, hex) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  return KEY.test(key) ? { key, cas, usedAt: Number(usedAt) } : undefined
}
