import type { IncomingMessage } from 'node:http'
import { receiptJson } from '../../api/receipt.ts'
import type { FileStore, PutOptions } from '../../index.ts'
import type { Admission } from '../admission.ts'
import { bodyFields } from '../content-headers.ts'
import { receiptFields } from '../receive.ts'
import { bodyOf, contentLength, hasBody } from '../request-body.ts'
import { abortSignal, ClientGoneError } from '../signal.ts'
import { UPLOAD_FIELDS } from '../upload-options.ts'
import type { PlainMethod, PlainRequest } from './requests.ts'

/** PUT of a whole file: as the routes do it, where nothing is said but its type. */
export class PlainUpload implements PlainMethod {
  readonly name = 'PUT'
  readonly isRead = false
  readonly #store: FileStore
  readonly #admission: Admission

  constructor(store: FileStore, admission: Admission) {
    this.#store = store
    this.#admission = admission
  }

  fits(req: IncomingMessage): boolean {
    return hasBody(req) && UPLOAD_FIELDS.every((name) => req.headers[name] === undefined)
  }

  async answer({ req, res, ref, watch }: PlainRequest): Promise<void> {
    const put = () => this.#store.put(bodyOf({ req, res }), options)
    const { 'content-type': type } = req.headers
    const size = contentLength(req)
    const options: PutOptions = {
      ...('name' in ref ? { name: ref.name, ...(type && { type }) } : { digest: ref.hash }),
      ...(size !== undefined && { size }),
      signal: abortSignal({ req, res }),
    }
    const receipt = await this.#admission.upload(put)
    if (res.destroyed) throw new ClientGoneError()
    const body = JSON.stringify(receiptJson(receipt))
    const fields = ['X-Request-Id', watch.id, ...receiptFields(receipt)]
    fields.push(...bodyFields('application/json; charset=utf-8', Buffer.byteLength(body)))
    watch.answering()
    res.writeHead(receipt.created ? 201 : 200, fields).end(body)
  }
}
