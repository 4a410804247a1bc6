import { type FileRef, Problem, request, urlOf } from './server.ts'

export type State = 'intact' | 'evicted' | 'corrupt'

export interface ChunkHealth {
  readonly hash: string
  readonly offset: number
  readonly size: number
  readonly state: State
}

/** `GET /blobs/{hash}/health`, `GET /files/{name}?health`: every chunk was read and checked for it. */
export interface Health {
  readonly state: State
  readonly hash: string
  readonly size: number
  readonly chunkSize: number
  readonly counts: Record<State, number>
  readonly chunks: readonly ChunkHealth[]
}

/** What the page knows of a file after it has looked. */
export interface Finding {
  readonly ref: FileRef
  readonly state: State
  /** Missing where the record that tells of the chunks is damaged. */
  readonly health?: Health
  readonly type?: string
  readonly storedAt?: Date
}

/**
 * Looks at a file and at each of its chunks.
 * @throws {Problem} where there is no such file, or no answer.
 */
export async function examine(ref: FileRef, signal: AbortSignal): Promise<Finding> {
  try {
    const health: Health = await (await request(healthUrl(ref), { signal })).json()
    return { ref, state: health.state, health, ...(await describe(ref, health.state, signal)) }
  } catch (error) {
    if (error instanceof Problem && error.reason === 'corrupt') return { ref, state: 'corrupt' }
    throw error
  }
}

function healthUrl(ref: FileRef): URL {
  const url = urlOf(ref)
  if ('hash' in ref) url.pathname += '/health'
  else url.searchParams.set('health', '')
  return url
}

/**
 * What its headers say, which is less of a file that cannot be sent: a condition that any content
 * meets is answered from the link alone (RFC 9110, 13.1.2). Nothing where it went in the meantime.
 */
async function describe(
  ref: FileRef,
  state: State,
  signal: AbortSignal,
): Promise<Pick<Finding, 'type' | 'storedAt'>> {
  const headers: Record<string, string> = state === 'intact' ? {} : { 'If-None-Match': '*' }
  const answer = await request(urlOf(ref), { method: 'HEAD', headers, signal }).catch(
    () => undefined,
  )
  const type = answer?.headers.get('Content-Type')
  const storedAt = answer?.headers.get('Last-Modified')
  return { ...(type && { type }), ...(storedAt && { storedAt: new Date(storedAt) }) }
}
