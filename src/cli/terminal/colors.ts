import pc from 'picocolors'

/** Colours for what is written to `stream`: none unless it is a terminal and NO_COLOR is not set. */
export function colorsFor(stream: NodeJS.WriteStream) {
  return pc.createColors(stream.isTTY === true && stream.hasColors())
}

/** Prints the error's message to standard error. */
export function printError(error: unknown): void {
  const message = error instanceof Error ? error.message : String(error)
  console.error(`blobcached: ${colorsFor(process.stderr).red(message)}`)
}
