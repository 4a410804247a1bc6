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
  let isOver = false
  const poll = async () => {
    while (!isOver && !(await isSo())) await sleep(everyMs)
  }
  try {
    await watched(what, poll())
  } finally {
    isOver = true // Or the process of a test that failed never ends.
  }
}
