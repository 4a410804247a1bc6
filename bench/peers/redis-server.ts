/**
 * What one writes in ten minutes without blobcached: whole values in Redis, nothing verified.
 * usage: redis-server.ts <port> <redis port>
 */
import { createServer } from 'node:http'
import { Redis } from 'ioredis'

const [port, redisPort] = process.argv.slice(2).map(Number)
const redis = new Redis(redisPort!, '127.0.0.1')

createServer(async (req, res) => {
  if (req.method === 'PUT') {
    const parts: Buffer[] = []
    for await (const part of req) parts.push(part as Buffer)
    await redis.set(req.url!, Buffer.concat(parts))
    res.writeHead(201).end()
    return
  }
  const value = await redis.getBuffer(req.url!)
  if (value === null) res.writeHead(404).end()
  else res.writeHead(200, { 'Content-Length': value.length }).end(value)
}).listen(port, '127.0.0.1')
