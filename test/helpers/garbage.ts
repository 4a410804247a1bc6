import { setImmediate as tick } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void

/** Collects garbage; returns whether all these objects were collected. */
export async function isCollected(references: readonly WeakRef<object>[]): Promise<boolean> {
  for (let round = 0; round < 10; round++) {
    await tick()
    gc()
    if (references.every((reference) => reference.deref() === undefined)) return true
  }
  return false
}

/** Collects garbage; returns the bytes of all buffers in use. */
export async function bufferBytes(): Promise<number> {
  for (let round = 0; round < 3; round++) {
    gc()
    await tick()
  }
  return process.memoryUsage().arrayBuffers
}
