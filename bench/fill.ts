import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import type { Contender } from './contenders.ts'

/** The paths of the files of one size: by name for all contenders, by hash for blobcached. */
export interface Files {
  names: string[]
  hashes: string[]
}

/** Stores the same files on all contenders: more than a processor's cache holds. */
export async function fill(
  size: number,
  contenders: readonly Contender[],
  values: { port: number },
): Promise<Files> {
  const count = Math.max(2, Math.min(64, Math.floor(64_000_000 / size)))
  const files: Files = { names: [], hashes: [] }
  for (let index = 0; index < count; index++) {
    const body = randomBytes(size)
    const path = `/files/${size}/${index}`
    files.names.push(path)
    for (const contender of contenders) {
      if (size > contender.maxBytes) continue
      if (contender.kind === 'nginx') await storeValue(values.port, path, body)
      else await upload(contender, path, body, files)
    }
  }
  return files
}

async function upload({ url, kind }: Contender, path: string, body: Buffer, { hashes }: Files) {
  const answer = await fetch(url + path, { method: 'PUT', body: new Uint8Array(body) })
  if (!answer.ok) throw new Error(`PUT ${url}${path}: ${answer.status} ${await answer.text()}`)
  const receipt = await answer.text()
  if (kind !== 'blobcached') return
  const blob = `/blobs/${(JSON.parse(receipt) as { hash: string }).hash}`
  if (!hashes.includes(blob)) hashes.push(blob)
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
