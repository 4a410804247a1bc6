import type { WriteStream } from 'node:tty'
import pc from 'picocolors'

/** Colours for what is written to `stream`: none unless it is a terminal that NO_COLOR leaves alone. */
export function colorsFor(stream: NodeJS.WriteStream | WriteStream) {
  return pc.createColors(stream.isTTY === true && stream.hasColors())
}
