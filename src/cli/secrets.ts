import { readFileSync } from 'node:fs'
import { InvalidArgumentError } from '../index.ts'

/** What was given, and by which flag or environment variable: messages name that, never a value. */
export interface Given {
  name: string
  given: readonly string[] | undefined
}

/**
 * The tokens or secrets of one kind: as they were given, and from files with one a line.
 * @throws {InvalidArgumentError} when one is empty or not printable, or a file holds none: what was
 * meant to lock a door must not leave it open.
 */
export function readSecrets(values: Given, files: Given): string[] {
  const inFiles = (files.given ?? []).flatMap((path) => linesOf(files.name, path))
  checkEach(values.name, values.given ?? [])
  checkEach(files.name, inFiles)
  return [...(values.given ?? []), ...inFiles]
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

/** @throws {InvalidArgumentError} that names the setting when its file cannot be read. */
export function readSetting(name: string, path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (cause) {
    const { code = 'unreadable' } = cause as NodeJS.ErrnoException
    throw new InvalidArgumentError(`${name}: cannot read ${path}: ${code}`, { cause })
  }
}
