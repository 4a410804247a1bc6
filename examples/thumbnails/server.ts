// Serves thumbnails of the PNG files in a folder, and caches them for a day in memcached, for all servers:
// npx tsx examples/thumbnails/server.ts <folder>, then GET /thumbnails/<width>/<file>.png
import { readFile, stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { FileStore, memcached, memory } from 'blobcached'
import { shrink } from './shrink.ts'

const folder = process.argv[2] ?? '.'
const { MEMCACHE_SERVERS, PORT = '3000' } = process.env
const store = new FileStore(MEMCACHE_SERVERS ? memcached(MEMCACHE_SERVERS) : memory())
const PATH = /^\/thumbnails\/(\d{1,4})\/([\w-]+\.png)$/

const server = createServer(async (req, res) => {
  const [, width, image] = PATH.exec(req.url ?? '') ?? []
  if (width === undefined || image === undefined) return void res.writeHead(404).end()
  try {
    const { bytes, from } = await thumbnail(join(folder, image), Number(width))
    res.writeHead(200, { 'Content-Type': 'image/png', 'X-Thumbnail': from }).end(bytes)
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    if (!isMissing) console.error(error)
    res.writeHead(isMissing ? 404 : 500).end()
  }
})

async function thumbnail(path: string, width: number): Promise<{ bytes: Buffer; from: string }> {
  // The name has the time of the last change, so a changed image gets a new thumbnail.
  const { mtimeMs } = await stat(path)
  let from = 'cache'
  const make = async () => {
    from = 'made'
    return shrink(await readFile(path), Math.max(1, width))
  }
  // Made once for all servers; again when it was lost or damaged; and without a cache when that is down.
  const bytes = await store.getOrPut({ name: `thumbnails/${width}/${path}/${mtimeMs}` }, make, {
    type: 'image/png',
    ttl: 86_400,
    onUnavailable: 'produce',
    read: (file) => file.bytes(),
  })
  return { bytes, from }
}

server.listen(Number(PORT), '127.0.0.1', () => {
  console.log(`thumbnails on http://127.0.0.1:${(server.address() as { port: number }).port}`)
})
process.once('SIGTERM', () => server.close(() => store.close()))
