import type { Writable } from 'node:stream'
import type { Sink } from './download.ts'

/** A sink that cannot take back what it was given. */
export function writerTo(stream: Writable): Sink {
  return {
    write: (bytes) =>
      new Promise((resolve, reject) => {
        stream.write(bytes, (error) => (error ? reject(error) : resolve()))
      }),
    async restart() {
      throw new Error('the file was replaced while it was read, and part of it has left already')
    },
  }
}
