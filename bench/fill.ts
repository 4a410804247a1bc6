import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import type { Contender } from './contenders.ts'
import { connectionsFor } from './rounds.ts'

/**
 * Stores the same files on all contenders and returns their paths: four times as many as connections, so that
 * hardly any two clients read the same one at once.
 * @param values The memcached that nginx serves from, where it is a contender.
 */
export async function fill(
  size: number,
  contenders: readonly Contender[],
  values?: { port: number },
  count = 4 * connectionsFor(size),
): Promise<{ names: string[] }> {
  const names: string[] = []
  for (let index = 0; index < count; index++) {
    const body = randomBytes(size)
    const path = `/files/${size}/${index}`
    names.push(path)
    const isNginx = contenders.some(({ kind, maxBytes }) => kind === 'nginx' && size <= maxBytes)
    if (isNginx) await storeValue(values!.port, path, body)
    await Promise.all(
      contenders
        .filter(({ kind, maxBytes }) => kind !== 'nginx' && size <= maxBytes)
        .map((contender) => upload(contender, path, body)),
    )
  }
  return { names }
}

async function upload({ url }: Contender, path: string, body: Buffer) {
  const init = { method: 'PUT', body: new Uint8Array(body) }
  // A connection of the pool may just have been closed as idle.
  const answer = await fetch(url + path, init).catch(() => fetch(url + path, init))
  if (!answer.ok) throw new Error(`PUT ${url}${path}: ${answer.status} ${await answer.text()}`)
  await answer.arrayBuffer()
}

/** Stores a value in nginx's memcached, since nginx itself only reads. */
function storeValue(port: number, key: string, value: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', reject)
    socket.on('data', (text) => {
      socket.destroy()
      if (text.toString().startsWith('STORED')) resolve()
      else reject(new Error(`memcached: ${text}`))
    })
    socket.write(`set ${key} 0 0 ${value.length}\r\n`)
    socket.write(value)
    socket.write('\r\n')
  })
}
