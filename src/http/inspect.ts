import type { Context } from 'koa'
import type { StoredFile } from '../index.ts'
import { flag } from './query.ts'
import { abortSignal } from './signal.ts'

/** Answers `?manifest` and `?health`, which tell of a file instead of sending it. */
export async function describeIfAsked(ctx: Context, file: StoredFile): Promise<boolean> {
  const wantsManifest = flag(ctx, 'manifest')
  const wantsHealth = flag(ctx, 'health')
  if (wantsHealth) await answerHealth(ctx, file)
  else if (wantsManifest) answerManifest(ctx, file)
  return wantsManifest || wantsHealth
}

/** What the file consists of, whether it is there or not. */
export function answerManifest(ctx: Context, { manifest }: StoredFile): void {
  const { digest, size, chunkSize } = manifest
  const chunks = Array.from(manifest.chunks(), (chunk) => ({
    hash: chunk.digest.hex,
    offset: chunk.offset,
    size: chunk.size,
  }))
  ctx.set('Cache-Control', 'no-store')
  ctx.body = { hash: digest.hex, size, chunkSize, chunks }
}

/** Reads and checks every chunk; that something is wrong is an answer, not a failure. */
export async function answerHealth(ctx: Context, file: StoredFile): Promise<void> {
  const health = await file.verify({ signal: abortSignal(ctx) })
  ctx.set('Cache-Control', 'no-store')
  ctx.body = health
}
