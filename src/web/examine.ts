import { type FileRef, Problem, request, urlAt, urlOf } from './server.ts'

export type State = 'intact' | 'evicted' | 'corrupt'

export interface ChunkHealth {
  readonly hash: string
  readonly offset: number
  readonly size: number
  readonly state: State
}

/** `GET /blobs/{hash}/health`: every chunk was read and checked for it. */
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
  readonly hash?: string
  readonly type?: string
  readonly storedAt?: Date
  /** Missing where no link tells of the chunks. */
  readonly health?: Health
}

/**
 * Looks at a file and at each of its chunks.
 * @throws {Problem} where there is no such file, or no answer.
 */
export async function examine(ref: FileRef, signal: AbortSignal): Promise<Finding> {
  const found = await look(ref, signal)
  if (found.hash === undefined) return found
  try {
    const url = urlAt(`blobs/${found.hash}/health`)
    const health: Health = await (await request(url, { signal })).json()
    return { ...found, state: health.state, health }
  } catch (error) {
    // The name may still lead to the content where the link by hash is gone.
    if (reasonOf(error) === 'not-found' && 'name' in ref) return found
    if (reasonOf(error) === 'corrupt') return { ...found, state: 'corrupt' }
    throw error
  }
}

async function look(ref: FileRef, signal: AbortSignal): Promise<Finding> {
  try {
    const answer = await request(urlOf(ref), { method: 'HEAD', signal })
    return { ref, state: 'intact', ...describe(answer) }
  } catch (error) {
    const reason = reasonOf(error)
    if (reason === 'evicted') return { ref, state: reason, ...(await lookAtLink(ref, signal)) }
    if (reason === 'corrupt') return { ref, state: reason }
    throw error
  }
}

/** A conditional request that any content meets is answered from the link alone (RFC 9110, 13.1.2). */
async function lookAtLink(ref: FileRef, signal: AbortSignal) {
  const headers = { 'If-None-Match': '*' }
  return describe(await request(urlOf(ref), { method: 'HEAD', headers, signal }))
}

function describe({ headers }: Response): Pick<Finding, 'hash' | 'type' | 'storedAt'> {
  const hash = /^"([0-9a-f]{64})"$/.exec(headers.get('ETag') ?? '')?.[1]
  const type = headers.get('Content-Type')
  const storedAt = headers.get('Last-Modified')
  return {
    ...(hash !== undefined && { hash }),
    ...(type !== null && { type }),
    ...(storedAt !== null && { storedAt: new Date(storedAt) }),
  }
}

function reasonOf(error: unknown): string | undefined {
  return error instanceof Problem ? error.reason : undefined
}
