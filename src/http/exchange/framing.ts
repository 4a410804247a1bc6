import type { Exchange } from './exchange.ts'

/**
 * Says what is wrong with a Transfer-Encoding, where another recipient could see the end of the body in another place:
 * RFC 9112, 6.1, has the connection closed after the answer. `undefined` when nothing is.
 */
export function framingFault({ req, isPlainlyCoded }: Exchange): string | undefined {
  if (req.headers['transfer-encoding'] === undefined) return undefined
  if (req.httpVersion !== '1.1') return 'a Transfer-Encoding needs HTTP/1.1'
  return isPlainlyCoded ? undefined : 'no Transfer-Encoding is taken but chunked'
}
