import { maxHeaderSize, type Server, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { cacheStatusOf } from '../../api/problem.ts'
import type { Connections } from '../exchange/connections.ts'
import type { Logger } from '../exchange/log.ts'
import { HttpProblem, problemOf } from '../problem.ts'

/** Milliseconds that a client has to take an answer that came before its request was read. */
const LINGER_MS = 1000

/**
 * Answers what is no HTTP request, or none in time, with a problem like any other: once the requests
 * before it, which arrived whole, have their answers.
 * @param logger Gets a line for each.
 */
export function answerClientErrors(http: Server, connections: Connections, logger?: Logger): void {
  const answer = (socket: Socket, error: ClientError) => {
    const isAnswering = connections.of(socket).unfinished.some(({ res }) => res.headersSent)
    if (isAnswering || !socket.writable) socket.destroy()
    else answerRaw(socket, problemFor(error), logger)
  }
  http.on('clientError', (error: ClientError, stream: Duplex) => {
    const socket = stream as Socket
    if (!socket.writable || IS_OVER.has(error.code)) return void socket.destroy()
    const connection = connections.of(socket)
    const last = connection.unfinished.findLast(({ req }) => req.complete)
    if (last === undefined) return answer(socket, error)
    // It may be us who did not read on, and there is something to do as long as it takes.
    if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') return
    if (connection.isMalformed) return
    connection.isMalformed = true
    last.res.once('close', () => answer(socket, error))
  })
  http.on('connect', (_req, stream: Duplex) => {
    const socket = stream as Socket
    socket.on('error', () => {}) // Node has let go of it, so a reset would be thrown.
    // For the same reason answers that are under way might never get through.
    if (connections.of(socket).unfinished.length > 0) socket.destroy()
    else answerRaw(socket, new HttpProblem('bad-request', 'this is no proxy'), logger)
  })
}

/** The client is gone; or Node has stopped its parser and given it what came over TLS nevertheless. */
const IS_OVER = new Set<string | undefined>(['ECONNRESET', 'HPE_PAUSED'])

interface ClientError extends Error {
  code?: string
  reason?: string
  rawPacket?: Buffer
}

function problemFor({ code, reason, rawPacket }: ClientError): HttpProblem {
  switch (code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new HttpProblem('request-timeout', 'the header of the request did not arrive in time')
    case 'HPE_HEADER_OVERFLOW':
      if (isRequestLine(rawPacket)) return new HttpProblem('uri-too-long', 'the URL is too long')
      return new HttpProblem('header-too-large', 'the header of the request is too large')
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return new HttpProblem('too-large', 'the extensions of a chunk are too large')
    default:
      return new HttpProblem('bad-request', `this is not HTTP/1.1: ${reason ?? code}`)
  }
}

/** Whether the first line alone is more than a whole header may have. */
function isRequestLine(packet: Buffer | undefined): boolean {
  const start = packet?.toString('latin1', 0, maxHeaderSize) ?? ''
  return /^[A-Z]+ \//.test(start) && !start.includes('\n')
}

function answerRaw(socket: Socket, error: HttpProblem, logger: Logger | undefined): void {
  const problem = problemOf(error)
  const { status, reason, detail } = problem
  logger?.info({ client: socket.remoteAddress, status, reason, detail }, 'this was no request')
  const body = JSON.stringify(problem)
  socket.end(
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\n` +
      `Content-Type: application/problem+json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` +
      `Cache-Control: no-store\r\nCache-Status: ${cacheStatusOf(problem.reason)}\r\n` +
      `Connection: close\r\n\r\n${body}`,
  )
  // Closing with bytes unread would reset the connection, and the answer with it.
  socket.resume()
  setTimeout(() => socket.destroy(), LINGER_MS).unref()
}
