import { setTimeout as sleep } from 'node:timers/promises'

/** Far more than any deadline of the client, and far less than what a person waits. */
const LIMIT = 20_000

/** Rejects when `work` has not settled in time, so that a hang is a failure with a name. */
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

/** Waits until `isSo`, but no longer than `watched` does. */
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
