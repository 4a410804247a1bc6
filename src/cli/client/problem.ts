import type { Answer } from './client.ts'
import { RemoteError } from './remote-error.ts'

/** Bytes of an error's text that are worth reading. */
const MAX_BODY = 64 * 1024

/** What the server, or a proxy before it, says when there is nobody to answer. */
const OUTAGES = new Set([502, 503, 504])

/** The error that an answer tells of: its problem details, or what its status and headers say. */
export async function readProblem(answer: Answer, server: string): Promise<RemoteError> {
  const { statusCode, headers } = answer
  const problem = parseProblem(await readText(answer))
  const isOutage = OUTAGES.has(statusCode)
  const reason =
    problem.reason ?? reasonInHeaders(headers) ?? (isOutage ? 'unavailable' : `http-${statusCode}`)
  const message = problem.detail ?? problem.title ?? `${server} answered with status ${statusCode}`
  return new RemoteError(reason, withExpectation(message, problem), {
    isTransient: isOutage,
    retryAfter: Number(headers['retry-after']) || 0,
  })
}

interface ProblemText {
  reason?: string
  title?: string
  detail?: string
  expected?: string
  actual?: string
}

async function readText({ body }: Answer): Promise<string> {
  const parts: Buffer[] = []
  let length = 0
  try {
    for await (const part of body as AsyncIterable<Buffer>) {
      parts.push(part)
      length += part.length
      if (length > MAX_BODY) break
    }
  } catch {
    // The status has been told; a body that is cut short takes nothing away from it.
  }
  return Buffer.concat(parts).toString()
}

function parseProblem(text: string): ProblemText {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null) return {}
    const strings = Object.entries(value).filter(([, entry]) => typeof entry === 'string')
    return Object.fromEntries(strings)
  } catch {
    return {}
  }
}

/** RFC 9211: how the answer to a HEAD request says why. */
function reasonInHeaders(headers: Answer['headers']): string | undefined {
  return /(?:^|, *)blobcached;[^,]*detail="?([a-z-]+)/.exec(String(headers['cache-status']))?.[1]
}

function withExpectation(message: string, { expected, actual }: ProblemText): string {
  if (expected === undefined || actual === undefined) return message
  return `${message} (expected ${expected}, not ${actual})`
}
