// Plain JavaScript: a thread is started with this file as it is, by whatever has translated the others.
import { createHash } from 'node:crypto'
import { parentPort } from 'node:worker_threads'

/** @typedef {import('./hash-thread.ts').Order} Order */
/** @typedef {import('./hash-thread.ts').Answer} Answer */

/** @type {Map<number, import('node:crypto').Hash>} */
const files = new Map()

parentPort?.on('message', (/** @type {Order} */ order) => {
  if ('drop' in order) files.delete(order.file)
  else if ('end' in order) end(order.file)
  else add(order.file, order.chunk)
})
answer('ready')

/**
 * @param {number | undefined} id
 * @param {Uint8Array<ArrayBuffer>} chunk
 */
function add(id, chunk) {
  const file = id === undefined ? undefined : files.get(id)
  const hash = createHash('sha256').update(chunk)
  if (file !== undefined) file.update(chunk)
  // What a file begins with is its first chunk.
  else if (id !== undefined) files.set(id, hash.copy())
  answer({ hex: hash.digest('hex'), chunk }, [chunk.buffer])
}

/** @param {number} id */
function end(id) {
  const hex = files.get(id)?.digest('hex') ?? ''
  files.delete(id)
  answer({ hex })
}

/**
 * @param {Answer | 'ready'} message
 * @param {ArrayBuffer[]} handedOver
 */
function answer(message, handedOver = []) {
  parentPort?.postMessage(message, handedOver)
}
