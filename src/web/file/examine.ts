import type { HealthJson, State } from '../../api/chunks.ts'
import { aspectPathOf, type RemoteRef } from '../../api/paths.ts'
import { RemoteError, request, urlAt, urlOf } from '../server.ts'

/** What examining a file found. */
export interface Finding {
  readonly ref: RemoteRef
  readonly state: State
  /** Missing if the link is damaged, which lists the chunks. */
  readonly health?: HealthJson
  readonly type?: string
  readonly storedAt?: Date
  /** When the origin has said that the file is so, if it came from there. */
  readonly fetchedAt?: Date
}

/**
 * Examines a file and each of its chunks.
 * @throws {RemoteError} if there is no such file, or no response.
 */
export async function examine(ref: RemoteRef, signal: AbortSignal): Promise<Finding> {
  try {
    const url = urlAt(aspectPathOf(ref, 'health'))
    const health: HealthJson = await (await request(url, { signal })).json()
    return { ref, state: health.state, health, ...(await describe(ref, health.state, signal)) }
  } catch (error) {
    if (error instanceof RemoteError && error.reason === 'corrupt') return { ref, state: 'corrupt' }
    throw error
  }
}

/**
 * Reads the headers of a file. One that is not intact has few: its request has a condition that
 * is answered from the link alone (RFC 9110, 13.1.2). Empty if the file was deleted meanwhile.
 */
async function describe(
  ref: RemoteRef,
  state: State,
  signal: AbortSignal,
): Promise<Pick<Finding, 'type' | 'storedAt' | 'fetchedAt'>> {
  const headers: Record<string, string> = state === 'intact' ? {} : { 'If-None-Match': '*' }
  const response = await request(urlOf(ref), { method: 'HEAD', headers, signal }).catch(
    () => undefined,
  )
  const type = response?.headers.get('Content-Type')
  const storedAt = response?.headers.get('Last-Modified')
  const age = response?.headers.get('Age')
  return {
    ...(type && { type }),
    ...(storedAt && { storedAt: new Date(storedAt) }),
    ...(age && { fetchedAt: new Date(Date.now() - Number(age) * 1000) }),
  }
}
