/**
 * Serves whole values from Redis without verifying them, as a first version would.
 * Usage: redis-server.ts <port> <redis port>
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { Redis } from 'ioredis'

const [port, redisPort] = process.argv.slice(2).map(Number)
const redis = new Redis(redisPort!, '127.0.0.1')

createServer((req, res) => {
  answer(req, res).catch(() => res.destroy()) // The client left before the end.
}).listen(port, '127.0.0.1')

async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
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
}
