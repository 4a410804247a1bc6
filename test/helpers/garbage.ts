import { setImmediate as tick } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void

/** Whether everything behind these references is gone, now that nobody should hold it. */
export async function isCollected(references: readonly WeakRef<object>[]): Promise<boolean> {
  for (let round = 0; round < 10; round++) {
    await tick()
    gc()
    if (references.every((reference) => reference.deref() === undefined)) return true
  }
  return false
}

/** Bytes of all buffers that are in use. */
export async function bufferBytes(): Promise<number> {
  for (let round = 0; round < 3; round++) {
    gc()
    await tick()
  }
  return process.memoryUsage().arrayBuffers
}
