import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Requests on one connection that may wait for their turn while more of them are read. */
const MAX_WAITING = 32

/**
 * The answers of one connection that are not through, first come first; one, but for clients that pipeline. No
 * Set: it would have a new table every few requests, each of which the one before it keeps alive,
 * answers and all, until the whole heap is collected.
 */
interface Line {
  readonly answers: ServerResponse[]
  /** Whether no more requests are read for now. */
  isHeld: boolean
}

const lines = new WeakMap<Socket, Line>()

/**
 * Follows an answer until it is closed, and sees to it that this happens: when a connection is gone, Node
 * closes the answer that was being sent, and says nothing to those that were waiting behind it.
 * @returns Resolves when those before it are closed: a request may build on what the one before it did (RFC
 * 9112, 9.3.2). `undefined` when there are none.
 */
export function followAnswer(
  { socket }: IncomingMessage,
  res: ServerResponse,
): Promise<void> | undefined {
  const line = lines.get(socket) ?? watch(socket)
  const before = line.answers.at(-1)
  line.answers.push(res)
  res.on('close', () => leave(line, res, socket))
  if (before === undefined) return undefined
  if (line.answers.length > MAX_WAITING) hold(line, socket)
  return new Promise((resolve) => before.once('close', () => resolve()))
}

export function unfinishedOn(socket: Socket): readonly ServerResponse[] {
  return lines.get(socket)?.answers ?? []
}

/** Node reads on at the end of each request, so that it is held up when what was read is parsed. */
function hold(line: Line, socket: Socket): void {
  line.isHeld = true
  if (!socket.isPaused()) process.nextTick(pauseIfHeld, line, socket)
}

function pauseIfHeld(line: Line, socket: Socket): void {
  if (line.isHeld) socket.pause()
}

function leave(line: Line, res: ServerResponse, socket: Socket): void {
  line.answers.splice(line.answers.indexOf(res), 1)
  if (!line.isHeld || line.answers.length > MAX_WAITING / 2) return
  line.isHeld = false
  socket.resume()
}

function watch(socket: Socket): Line {
  const line: Line = { answers: [], isHeld: false }
  lines.set(socket, line)
  socket.once('close', () => {
    for (const res of [...line.answers]) if (res.socket === null) close(res)
  })
  return line
}

/** As Node does it with the answer that has the connection. */
function close(res: ServerResponse): void {
  res.destroy()
  res.emit('close')
}
