import type { Context, Middleware } from 'koa'
import { HttpProblem } from './problem.ts'

/**
 * Refuses what a page of another web site has a browser send. POST is the one method that changes
 * anything and that browsers send for any page without asking first, and a cache on somebody's own
 * machine usually wants no token. What is no browser says nothing of a site, and passes.
 * @param origins As for `crossOrigin`: the sites that may.
 */
export function refuseOtherSites(origins: readonly string[]): Middleware {
  const allowed = new Set(origins)
  const isWelcome = (origin: string) => allowed.has('*') || allowed.has(origin)
  return (ctx, next) => {
    if (ctx.method !== 'POST' || isWelcome(ctx.get('Origin')) || isOwn(ctx)) return next()
    throw new HttpProblem('forbidden', 'pages of another web site may not do this')
  }
}

/** Fetch Metadata (W3C) says it behind any proxy; without it, where the page is from. */
function isOwn(ctx: Context): boolean {
  const site = ctx.get('Sec-Fetch-Site')
  if (site !== '') return site === 'same-origin' || site === 'none'
  const origin = ctx.get('Origin')
  return origin === '' || (URL.canParse(origin) && new URL(origin).host === ctx.get('Host'))
}
