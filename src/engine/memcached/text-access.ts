import type { Client } from './client.ts'
import type { ConnectionConfig } from './connection.ts'
import { unexpectedAnswer } from './refusal.ts'
import { TextConnection } from './text-connection.ts'

/** One memcached, for those who need its text protocol too. */
export interface TextAccess {
  readonly client: Client
  readonly config: ConnectionConfig
  /** Ends every connection at once. */
  readonly signal: AbortSignal
}

/** Milliseconds for all that is done over one connection, once it is open. */
const LIMIT = 3000

export function openText({ config, signal }: TextAccess): TextConnection {
  return new TextConnection(config, config.settings.connectTimeoutMs + LIMIT, signal)
}

/** What answers `version`. */
export async function expectVersion(connection: TextConnection): Promise<void> {
  const answer = await connection.line()
  if (!answer.startsWith('VERSION ')) throw unexpectedAnswer(answer)
}
