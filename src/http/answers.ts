import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Answers that are not through, by connection; one each, but for clients that pipeline. No Set: it would have
 * a new table every few requests, each of which the one before it keeps alive, answers and all, until
 * the whole heap is collected.
 */
const unfinished = new WeakMap<Socket, ServerResponse[]>()

/**
 * Follows an answer until it is closed, and sees to it that this happens: when a connection is gone, Node
 * closes the answer that was being sent, and says nothing to those that were waiting behind it.
 */
export function followAnswer({ socket }: IncomingMessage, res: ServerResponse): void {
  const answers = unfinished.get(socket) ?? watch(socket)
  answers.push(res)
  res.on('close', () => answers.splice(answers.indexOf(res), 1))
}

export function unfinishedOn(socket: Socket): readonly ServerResponse[] {
  return unfinished.get(socket) ?? []
}

function watch(socket: Socket): ServerResponse[] {
  const answers: ServerResponse[] = []
  unfinished.set(socket, answers)
  socket.once('close', () => {
    for (const res of [...answers]) if (res.socket === null) close(res)
  })
  return answers
}

/** As Node does it with the answer that has the connection. */
function close(res: ServerResponse): void {
  res.destroy()
  res.emit('close')
}
