import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from '../test/helpers/ports.ts'
import { type Running, start } from './processes.ts'

/** A server under test, which takes a PUT of a body and serves it by GET. */
export interface Contender extends Running {
  readonly name: string
  readonly kind: 'blobcached' | 'nginx' | 'redis'
  readonly url: string
  /** The largest body that it can serve. */
  readonly maxBytes: number
}

const here = fileURLToPath(new URL('.', import.meta.url))
export const main = join(here, '../dist/cli/main.js')

/** Starts memcached with the options that docs/operations.md recommends. */
export async function startMemcached(megabytes: number): Promise<Running & { port: number }> {
  const port = await freePort()
  const options = 'slab_automove=1,slab_automove_window=3,slab_automove_ratio=0.1'
  const args = ['-l', '127.0.0.1', '-p', `${port}`, '-m', `${megabytes}`, '-o', options, '-U', '0']
  if (process.getuid?.() === 0) args.push('-u', 'root')
  return withPort(await start('memcached', args, port), port)
}

export async function startBlobcached(
  name: string,
  memcached: string,
  flags: string[] = [],
): Promise<Contender> {
  const port = await freePort()
  const running = await start(
    process.execPath,
    [
      main,
      'serve',
      ...['--port', `${port}`, '--memcached', memcached],
      ...['--log-level', 'warn'], // The peers do not log requests either.
      ...flags,
    ],
    port,
  )
  return contender(running, name, 'blobcached', port, Number.POSITIVE_INFINITY)
}

/**
 * Starts nginx as an expert runs it, with two workers, connections to memcached that stay and buffers of 128 KiB. It serves
 * the value under the path from memcached: 1 MB at most, the limit of an item.
 * @param isAsInManual Leaves these settings at nginx's defaults.
 */
export async function startNginx(memcachedPort: number, isAsInManual = false): Promise<Contender> {
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'blobcached-bench-'))
  const config = readFileSync(join(here, 'peers/nginx.conf'), 'utf8')
    .replaceAll('MEMCACHED', `${memcachedPort}`)
    .replaceAll('PORT', `${port}`)
    .replaceAll('FOLDER', folder)
    .replaceAll('KEEPALIVE', isAsInManual ? '' : 'keepalive 64;')
    .replaceAll('BUFFER', isAsInManual ? '' : 'memcached_buffer_size 128k;')
  const file = join(folder, 'nginx.conf')
  writeFileSync(file, config)
  const running = await start('nginx', ['-c', file, '-e', 'stderr'], port)
  return {
    ...contender(running, `nginx${isAsInManual ? ', defaults' : ''}`, 'nginx', port, 1_000_000),
    async stop() {
      await running.stop()
      rmSync(folder, { recursive: true })
    },
  }
}

export async function startRedisPeer(): Promise<Contender> {
  const redisPort = await freePort()
  const redis = await start(
    'redis-server',
    ['--port', `${redisPort}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'],
    redisPort,
  )
  const port = await freePort()
  const script = join(here, 'peers/redis-server.ts')
  const server = await start(
    process.execPath,
    ['--import=tsx', script, `${port}`, `${redisPort}`],
    port,
  )
  return {
    ...contender(server, 'Redis', 'redis', port, 512 * 1024 * 1024),
    async stop() {
      await server.stop()
      await redis.stop()
    },
  }
}

function contender(
  running: Running,
  name: string,
  kind: Contender['kind'],
  port: number,
  maxBytes: number,
): Contender {
  return {
    name,
    kind,
    maxBytes,
    url: `http://127.0.0.1:${port}`,
    get pids() {
      return running.pids
    },
    stop: () => running.stop(),
  }
}

function withPort(running: Running, port: number): Running & { port: number } {
  return {
    port,
    get pids() {
      return running.pids
    },
    stop: () => running.stop(),
  }
}
