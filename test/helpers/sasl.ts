import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'

/**
 * Checks passwords for memcached through the protocol of saslauthd, so that no password database is needed.
 * A request is four counted strings: user, password, service, realm; the answer is `OK` or `NO`.
 */
export class SaslAuthority {
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
  }

  static async start(
    directory: string,
    { username, password }: { username: string; password: string },
  ): Promise<SaslAuthority> {
    const path = join(directory, 'mux')
    const lines = ['mech_list: plain', 'pwcheck_method: saslauthd', `saslauthd_path: ${path}`]
    await writeFile(join(directory, 'memcached.conf'), `${lines.join('\n')}\n`)
    const server = createServer((socket) => {
      answer(socket, ([user, secret]) => user === username && secret === password)
    })
    server.listen(path)
    await once(server, 'listening')
    return new SaslAuthority(server)
  }

  stop(): void {
    this.#server.close()
  }
}

function answer(socket: Socket, isRight: (fields: string[]) => boolean): void {
  let received = Buffer.alloc(0)
  socket.on('error', () => {})
  socket.on('data', (bytes: Buffer) => {
    received = Buffer.concat([received, bytes])
    const fields = parseCounted(received)
    if (fields.length < 4) return
    const text = isRight(fields) ? 'OK' : 'NO'
    socket.end(Buffer.concat([Buffer.from([0, text.length]), Buffer.from(text)]))
  })
}

function parseCounted(bytes: Buffer): string[] {
  const fields: string[] = []
  for (let at = 0; at + 2 <= bytes.length; ) {
    const end = at + 2 + bytes.readUInt16BE(at)
    if (end > bytes.length) break
    fields.push(bytes.toString('utf8', at + 2, end))
    at = end
  }
  return fields
}
