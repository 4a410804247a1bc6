import type { HashesJson, MissingJson } from '../../api/missing.ts'
import { MISSING } from '../../api/paths.ts'
import type { RemoteServer } from '../client/remote-server.ts'

/** Asks which of the hashes, at most `MAX_HASHES`, have content that the server cannot serve. */
export async function askMissing(
  server: RemoteServer,
  hashes: readonly string[],
): Promise<readonly string[]> {
  const { missing } = await server.json<MissingJson>({
    method: 'POST',
    path: MISSING,
    headers: { 'content-type': 'application/json' },
    body: () => JSON.stringify({ hashes: [...hashes] } satisfies HashesJson),
  })
  return missing
}
