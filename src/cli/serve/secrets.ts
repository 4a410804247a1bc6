import { readFileSync } from 'node:fs'
import { InvalidArgumentError } from '../../errors.ts'
import type { AccessOptions } from '../../http/index.ts'
import type { NameOf, ServeSettings } from './settings.ts'

/**
 * Reads the tokens of the server.
 * @throws {InvalidArgumentError} when a token is empty, or reads are public while writes are too.
 */
export function readAccess(settings: ServeSettings, nameOf: NameOf): Required<AccessOptions> {
  const { publicRead } = settings
  const tokens = readSecrets('token', settings, nameOf)
  const readTokens = readSecrets('readToken', settings, nameOf)
  if (publicRead && tokens.length === 0) {
    throw new InvalidArgumentError(
      `${nameOf('publicRead')} needs a --token for writing; without one, writing is public too`,
    )
  }
  return { tokens, readTokens, publicRead }
}

/**
 * Reads the tokens or secrets of one kind: the given values, and files with one a line. Messages
 * name the flag or the environment variable, never a value.
 * @throws {InvalidArgumentError} when one is empty or not printable, or a file is empty.
 */
export function readSecrets(
  kind: 'token' | 'readToken' | 'secret',
  settings: ServeSettings,
  nameOf: NameOf,
): string[] {
  const { [kind]: values = [], [`${kind}File` as const]: files = [] } = settings
  const inFiles = files.flatMap((path) => linesOf(nameOf(`${kind}File`), path))
  checkEach(nameOf(kind), values)
  checkEach(nameOf(`${kind}File`), inFiles)
  return [...values, ...inFiles]
}

function checkEach(name: string, secrets: readonly string[]): void {
  if (secrets.includes('')) throw new InvalidArgumentError(`${name} is empty`)
  if (secrets.every((secret) => /^[\x20-\x7e]+$/.test(secret))) return
  throw new InvalidArgumentError(`${name} takes printable ASCII characters only`)
}

function linesOf(name: string, path: string): string[] {
  const lines = readSetting(name, path)
    .toString()
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
  if (lines.length === 0) throw new InvalidArgumentError(`${name}: ${path} is empty`)
  return lines
}

/** Reads the file of a setting. @throws {InvalidArgumentError} that names the setting. */
export function readSetting(name: string, path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (cause) {
    const { code = 'unreadable' } = cause as NodeJS.ErrnoException
    throw new InvalidArgumentError(`${name}: cannot read ${path}: ${code}`, { cause })
  }
}
