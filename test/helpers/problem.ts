import type { ExecutionContext } from 'ava'
import type { Answer } from './http.ts'

/** Asserts that the answer is this problem, in the body and in Cache-Status. */
export function assertProblem(t: ExecutionContext, answer: Answer, status: number, reason: string) {
  t.is(answer.status, status)
  t.is(answer.headers['content-type'], 'application/problem+json')
  t.is(answer.headers['cache-status'], `blobcached; detail=${reason}`)
  t.is(answer.headers['cache-control'], 'no-store')
  t.is(answer.headers.etag, undefined)
  if (answer.body.length > 0) t.like(answer.json(), { status, reason })
}
