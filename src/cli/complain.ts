import { colorsFor } from './colors.ts'

export function complain(error: unknown): void {
  const message = error instanceof Error ? error.message : String(error)
  console.error(`blobcached: ${colorsFor(process.stderr).red(message)}`)
}
