import { setTimeout as sleep } from 'node:timers/promises'

/** Milliseconds: far more than any deadline of the client. */
const LIMIT = 20_000

/** Waits for `work`; rejects with the name of what hangs after `limit` milliseconds. */
export async function watched<T>(what: string, work: Promise<T>, limit = LIMIT): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const bark = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`hangs for ${limit} ms: ${what}`)), limit)
  })
  try {
    return await Promise.race([work, bark])
  } finally {
    clearTimeout(timer)
  }
}

/** Polls `isSo` until it is true, at most as long as `watched` waits. */
export async function until(
  what: string,
  isSo: () => boolean | Promise<boolean>,
  everyMs = 5,
): Promise<void> {
  const poll = async () => {
    while (!(await isSo())) await sleep(everyMs)
  }
  await watched(what, poll())
}
