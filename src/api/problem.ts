import { REASONS, type Reason } from './reasons.ts'
import { count, hash, listOf, object, oneOf, type TypeOf, text } from './schema.ts'

/** Problem Details for HTTP APIs (RFC 9457), with a `reason` that never changes. */
export const problemSchema = object(
  {
    title: text,
    status: { ...count, minimum: 400, maximum: 599 },
    reason: oneOf(Object.keys(REASONS) as Reason[]),
  },
  { detail: text, expected: text, actual: text, missing: listOf(hash) },
)
export type ProblemJson = TypeOf<typeof problemSchema>

export function problemJson(reason: Reason): ProblemJson {
  const { title, status } = REASONS[reason]
  return { title, status, reason }
}

/** The value of Cache-Status (RFC 9211), where an answer to HEAD carries the reason. */
export function cacheStatusOf(reason: Reason): string {
  return `blobcached; detail=${reason}`
}

/** What a client could read of a problem; another server or a newer one may have sent it. */
export type ReceivedProblem = Partial<
  Record<'reason' | 'title' | 'detail' | 'expected' | 'actual', string>
>

/**
 * Reads the problem in an answer: from its body, the reason else from its Cache-Status. Never throws.
 */
export function readProblem(body: string, cacheStatus: string | null | undefined): ReceivedProblem {
  const said = /(?:^|, *)blobcached;[^,]*detail="?([a-z-]+)/.exec(cacheStatus ?? '')?.[1]
  return { ...(said !== undefined && { reason: said }), ...stringsIn(body) }
}

function stringsIn(body: string): Record<string, string> {
  try {
    const entries = Object.entries((JSON.parse(body) as object | null) ?? {})
    return Object.fromEntries(entries.filter(([, value]) => typeof value === 'string'))
  } catch {
    return {}
  }
}
