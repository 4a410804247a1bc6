import { createHash, randomBytes } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { extname } from 'node:path'
import type Router from '@koa/router'
import type { Context } from 'koa'
import { HttpProblem } from '../problem.ts'

/** What `npm run build` makes of src/web, found from dist/http/routes and from the sources alike. */
const BUILT: Record<string, string> = {
  '/dist/http/routes/page.js': '../../web/',
  '/src/http/routes/page.ts': '../../../dist/web/',
}

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** Scripts that the page names run, and what they import: nothing that was stored under /files/. */
const NONCE = randomBytes(16).toString('base64')

/** Its own files and this server, nothing else; no inline script, no string that becomes markup. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  `script-src 'nonce-${NONCE}'`,
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' blob: data:",
  "media-src 'self' blob:",
  "form-action 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ')

interface Asset {
  readonly type: string
  readonly bytes: Buffer
  readonly etag: string
}

/** The page at `/`. It holds no secret, so it needs no token; what it asks of the server does. */
export function pageRoutes(router: Router): void {
  const assets = loadAssets(builtFolder(import.meta.url))

  router.get('/', (ctx) => {
    if (!ctx.exchange.isForBase) return answer(ctx, assets.get('index.html'))
    // The page names what it loads from where it is.
    ctx.status = 308
    ctx.set('Location', `${ctx.exchange.base}/`)
    ctx.body = ''
  })
  router.get('/assets/:file', (ctx) => answer(ctx, assets.get(ctx.params.file!)))
}

function answer(ctx: Context, asset: Asset | undefined): void {
  if (asset === undefined) {
    throw new HttpProblem('no-such-route', `there is nothing at ${ctx.path}; is the page built?`)
  }
  ctx.set('Content-Security-Policy', CONTENT_SECURITY_POLICY)
  ctx.set('Cross-Origin-Opener-Policy', 'same-origin')
  ctx.set('Referrer-Policy', 'no-referrer')
  // The files belong together and are small: asked about each time, none outlives an upgrade.
  ctx.set('Cache-Control', 'no-cache')
  ctx.set('ETag', asset.etag)
  ctx.status = 200
  if (ctx.fresh) {
    ctx.status = 304
    return
  }
  ctx.type = asset.type
  ctx.body = asset.bytes
}

/** @param here `undefined` in a bundle of CommonJS. A bundle has no page: what lies beside it is not ours. */
function builtFolder(here: string | undefined): URL | undefined {
  const [, folder] = Object.entries(BUILT).find(([file]) => here?.endsWith(file)) ?? []
  return folder === undefined ? undefined : new URL(folder, here)
}

/** All of them, once: they are few and small, and no path from outside meets the file system. */
function loadAssets(folder: URL | undefined): Map<string, Asset> {
  if (folder === undefined || !existsSync(folder)) return new Map()
  const files = readdirSync(folder).filter((file) => extname(file) in TYPES)
  return new Map(files.map((file) => [file, load(new URL(file, folder))]))
}

function load(file: URL): Asset {
  const isPage = extname(file.pathname) === '.html'
  const text = readFileSync(file)
  const bytes = isPage ? withNonce(text.toString()) : text
  const etag = `"${createHash('sha256').update(bytes).digest('base64url')}"`
  return { type: TYPES[extname(file.pathname)]!, bytes, etag }
}

function withNonce(page: string): Buffer {
  return Buffer.from(page.replaceAll('<script ', `<script nonce="${NONCE}" `))
}
