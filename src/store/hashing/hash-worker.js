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
 * @param {number} id
 * @param {Uint8Array<ArrayBuffer>} chunk
 */
function add(id, chunk) {
  const file = files.get(id) ?? createHash('sha256')
  file.update(chunk)
  // What the file begins with is the first chunk.
  const hash = files.has(id) ? createHash('sha256').update(chunk) : file.copy()
  files.set(id, file)
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
