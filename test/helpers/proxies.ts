import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ExecutionContext } from 'ava'
import { freePort } from './ports.ts'
import type { TestServer } from './server.ts'

/** A proxy that listens on `port`, and uses `folder` for what it writes: its configuration and how it is started with it. */
interface Proxy {
  readonly command: (file: string) => readonly [program: string, ...args: string[]]
  readonly configure: (upstream: string, port: number, folder: string) => string
}

/** With the defaults of each. */
export const PROXIES = {
  nginx: {
    command: (file) => ['nginx', '-e', 'stderr', '-c', file],
    // HTTP/1.0 to the server, with Connection: close.
    configure: (upstream, port, folder) =>
      nginx(
        folder,
        `server { listen 127.0.0.1:${port}; client_max_body_size 0;
          location / { proxy_pass http://${upstream}; } }`,
      ),
  },
  haproxy: {
    command: (file) => ['haproxy', '-q', '-f', file],
    configure: (upstream, port) => `defaults
  mode http
  timeout connect 10s
  timeout client 60s
  timeout server 60s
listen proxy
  bind 127.0.0.1:${port}
  server blobcached ${upstream}
`,
  },
  apache2: {
    command: (file) => ['apache2', '-DFOREGROUND', '-f', file],
    configure: (upstream, port, folder) => `ServerRoot ${folder}
ServerName localhost
Listen 127.0.0.1:${port}
PidFile ${folder}/pid
ErrorLog ${folder}/error.log
${['mpm_event', 'authz_core', 'proxy', 'proxy_http'].map(apacheModule).join('\n')}
ProxyPass / http://${upstream}/
`,
  },
} satisfies Record<string, Proxy>

function apacheModule(name: string): string {
  return `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`
}

function nginx(folder: string, site: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${join(folder, kind)};`,
  )
  return `daemon off; pid ${join(folder, 'pid')}; error_log stderr crit; events {}
http { access_log off; ${temporary.join(' ')} ${site} }`
}

/** An example of nginx, but for its ports and folders. */
export function nginxExample(file = 'examples/nginx/blobcached.conf'): Promise<Proxy> {
  return readFile(file, 'utf8').then((example) => ({
    command: PROXIES.nginx.command,
    configure: (upstream, port, folder) =>
      nginx(
        folder,
        example
          .replace('/var/cache/nginx/blobcached', join(folder, 'cache'))
          .replace('127.0.0.1:8080', upstream)
          .replace('listen 8000', `listen 127.0.0.1:${port}`),
      ),
  }))
}

/** Starts it before the server, and stops it after the test; returns its URL. */
export async function startProxy(
  t: ExecutionContext,
  server: TestServer,
  { command, configure }: Proxy,
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'blobcached-proxy-'))
  await chmod(folder, 0o777)
  const port = await freePort()
  const file = join(folder, 'proxy.conf')
  await writeFile(file, configure(server.url.slice('http://'.length), port, folder))
  const [program, ...args] = command(file)
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'] })
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
  throw new Error(`${program} did not start`)
}
