import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ExecutionContext } from 'ava'
import { freePort } from './ports.ts'

export const hasNginx = spawnSync('nginx', ['-v']).status === 0

/** The example, but for its ports and folders, or another configuration that listens on 8000. */
export async function startNginx(
  t: ExecutionContext,
  server: { readonly url: string },
  configure = () => readFile('examples/nginx/blobcached.conf', 'utf8') as string | Promise<string>,
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'blobcached-nginx-'))
  await chmod(folder, 0o777)
  const port = await freePort()
  const site = (await configure())
    .replace('/var/cache/nginx/blobcached', join(folder, 'cache'))
    .replace('127.0.0.1:8080', server.url.slice('http://'.length))
    .replace(/listen (127\.0\.0\.1:)?8000/, `listen 127.0.0.1:${port}`)
  await writeFile(join(folder, 'site.conf'), site)
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${join(folder, kind)};`,
  )
  const main = `daemon off; pid ${join(folder, 'pid')}; error_log stderr crit; events {}
http { access_log off; ${temporary.join(' ')} include ${join(folder, 'site.conf')}; }`
  await writeFile(join(folder, 'nginx.conf'), main)

  const child = spawn('nginx', ['-e', 'stderr', '-c', join(folder, 'nginx.conf')], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  t.teardown(async () => {
    const gone = once(child, 'exit')
    child.kill('SIGTERM')
    await gone
    await rm(folder, { recursive: true, force: true })
  })
  const url = `http://127.0.0.1:${port}`
  for (let tries = 0; tries < 500; tries++) {
    const answer = await fetch(`${url}/healthz`).catch(() => undefined)
    await answer?.body?.cancel()
    if (answer?.ok) return url
    await sleep(20)
  }
  throw new Error('nginx did not start')
}
