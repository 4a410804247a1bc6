import type { IncomingMessage } from 'node:http'
import type { FileStore } from '../../index.ts'
import { bodyFields, contentFields, contentTypeOf, fileFields } from '../content-headers.ts'
import { hasBody } from '../request-body.ts'
import { send } from '../send.ts'
import { readSignal } from '../signal.ts'
import type { PlainMethod, PlainRequest } from './requests.ts'

/** GET of a whole file: as `serveFile`, where nothing is asked for but the file. */
export class PlainRead implements PlainMethod {
  readonly name = 'GET'
  readonly isRead = true
  readonly #store: FileStore

  constructor(store: FileStore) {
    this.#store = store
  }

  fits(req: IncomingMessage): boolean {
    return req.headers.range === undefined && !hasBody(req)
  }

  async answer({ req, res, by, ref, watch }: PlainRequest): Promise<void> {
    const file = await this.#store.find(ref, { prefetch: true })
    const whole = { start: 0, end: file.size }
    const read = await file.prepare([whole], { signal: readSignal({ req, res }, file) })
    try {
      const fields = ['X-Request-Id', watch.id, ...fileFields(file, by)]
      fields.push(
        ...contentFields(req.headers, file),
        ...bodyFields(contentTypeOf(file), file.size),
      )
      watch.answering()
      await send(res, { status: 200, fields }, read, [whole])
    } finally {
      read.close()
    }
  }
}
