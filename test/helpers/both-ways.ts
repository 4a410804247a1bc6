import { type Answer, type Ask, ask } from './http.ts'

/** The two ways that a GET of a whole file may go; an empty query takes Koa to be looked at. */
export const WAYS = { plain: '', koa: '?' } as const

export type Way = keyof typeof WAYS
export const ways = Object.keys(WAYS) as Way[]

/** The same GET once each way, first without Koa. */
export async function askBothWays(
  url: string,
  headers: NonNullable<Ask['headers']> = {},
): Promise<Record<Way, Answer>> {
  const plain = await ask(url + WAYS.plain, { headers })
  return { plain, koa: await ask(url + WAYS.koa, { headers }) }
}
