import { type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http'
import { buffer } from 'node:stream/consumers'

export interface Answer {
  status: number
  headers: IncomingHttpHeaders
  body: Buffer
  text: string
  json: () => unknown
}

export interface Ask {
  method?: string
  headers?: OutgoingHttpHeaders
  body?: string | Buffer
}

/** Sends one request over its own connection; adds no header fields and decodes nothing. */
export function ask(url: string, { method = 'GET', headers = {}, body }: Ask = {}) {
  return new Promise<Answer>((resolve, reject) => {
    const { hostname, port } = new URL(url)
    const path = url.slice(url.indexOf(port) + port.length)
    const sent = request({ hostname, port, path, method, headers, agent: false }, (answer) => {
      buffer(answer).then((bytes) => {
        resolve({
          status: answer.statusCode!,
          headers: answer.headers,
          body: bytes,
          text: bytes.toString(),
          json: () => JSON.parse(bytes.toString()),
        })
      }, reject)
    })
    sent.once('error', reject)
    sent.end(body)
  })
}
