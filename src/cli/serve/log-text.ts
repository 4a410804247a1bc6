import type { DestinationStream } from 'pino'

interface Line {
  level: string
  time: string
  msg?: string
  err?: { stack?: string }
  [field: string]: unknown
}

/** Fields that are shown in another way, or that only programs need. */
const LEFT_OUT = new Set([
  ...['level', 'time', 'pid', 'msg', 'err'],
  ...['id', 'route', 'client', 'headersMs', 'url', 'settings'],
])

/** Writes each line of the log as text: time, message, `name=value` for the rest. */
export function textLines(output: { write(text: string): unknown }): DestinationStream {
  return {
    write(json) {
      const line = JSON.parse(json) as Line
      const fields = Object.entries(line)
        .filter(([name]) => !LEFT_OUT.has(name))
        .map(
          ([name, value]) =>
            `${name}=${typeof value === 'string' ? quoted(value) : JSON.stringify(value)}`,
        )
      const level = line.level === 'info' ? '' : line.level.toUpperCase()
      const words = [line.time.slice(11, 23), level, line.msg ?? '', ...fields]
      output.write(`${words.filter((word) => word !== '').join(' ')}\n`)
      if (line.err?.stack !== undefined) output.write(`${line.err.stack}\n`)
    },
  }
}

/** Escapes characters that could move the cursor or forge a line. */
function quoted(text: string): string {
  return /^[\x21-\x7e]+$/.test(text) ? text : JSON.stringify(text)
}
