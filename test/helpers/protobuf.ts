import { Digest } from '../../src/index.ts'

/** Encodes a field whose value is a string, bytes or a message. */
export function field(number: number, value: string | Buffer): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes])
}

export function varintField(number: number, value: number): Buffer {
  return Buffer.concat([varint(number * 8), varint(value)])
}

export function message(...fields: Buffer[]): Buffer {
  return Buffer.concat(fields)
}

/** Encodes a `Digest` of the Remote Execution API. */
export function digestOf(content: Buffer | string): Buffer {
  const bytes = Buffer.from(content)
  return message(field(1, Digest.of(bytes).hex), varintField(2, bytes.length))
}

/** Encodes an `OutputFile`. */
export function outputFile(path: string, content: Buffer | string): Buffer {
  return message(field(1, path), field(2, digestOf(content)), varintField(4, 1))
}

/** Encodes an `OutputDirectory`. */
export function outputDirectory(path: string, tree: Buffer): Buffer {
  return message(field(1, path), field(3, digestOf(tree)))
}

/** Encodes a `Directory` of files by name. */
export function directory(files: Record<string, string>): Buffer {
  const nodes = Object.entries(files).map(([name, content]) =>
    field(1, message(field(1, name), field(2, digestOf(content)))),
  )
  return message(...nodes)
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest])
    bytes.push((rest % 128) + 128)
  }
}
