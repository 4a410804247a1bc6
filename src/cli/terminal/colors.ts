import pc from 'picocolors'
import { messageOf } from './failure.ts'
import { printable } from './printable.ts'

/** Colours for what is written to `stream`: none unless it is a terminal and NO_COLOR is not set. */
export function colorsFor(stream: NodeJS.WriteStream) {
  return pc.createColors(stream.isTTY === true && stream.hasColors())
}

/** Prints the error's message to standard error. @param label The file it is about. */
export function printError(error: unknown, label?: string): void {
  const message = messageOf(error)
  const isNamed = label === undefined || isAboutPath(error, message) || names(message, label)
  const text = printable(isNamed ? message : `${label}: ${message}`)
  console.error(`blobcached: ${colorsFor(process.stderr).red(text)}`)
}

/** Whether a message begins with the local path that the error is about. */
function isAboutPath(error: unknown, message: string): boolean {
  const { path } = error as { path?: unknown }
  return typeof path === 'string' && message.startsWith(path)
}

/** Whether a message says already which file it is about. */
function names(message: string, label: string): boolean {
  if (message.startsWith(`${label} `) || message.startsWith(`${label}:`)) return true
  return message.includes(JSON.stringify(label)) || message.includes(` content ${label}`)
}
