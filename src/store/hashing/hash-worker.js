// Plain JavaScript, since a thread runs this file as it is, without what translates TypeScript.
import { createHash } from 'node:crypto'
import { parentPort } from 'node:worker_threads'

/** @typedef {import('./hash-thread.ts').HashOrder} HashOrder */
/** @typedef {import('./hash-thread.ts').HashAnswer} HashAnswer */

/** @type {Map<number, import('node:crypto').Hash>} */
const files = new Map()

parentPort?.on('message', (/** @type {HashOrder} */ order) => {
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
  // The first chunk is hashed once, for itself and for the file.
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
 * @param {HashAnswer | 'ready'} message
 * @param {ArrayBuffer[]} handedOver
 */
function answer(message, handedOver = []) {
  parentPort?.postMessage(message, handedOver)
}
