import { HttpProblem } from '../problem.ts'

/** What a part of a form says of itself. */
export interface Disposition {
  /** The name of the form's field. */
  readonly field: string
  /** What the sender calls the file, empty where it has no name; `undefined` for a field that is none. */
  readonly filename: string | undefined
}

const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+"
const TYPE = new RegExp(`(${TOKEN})[ \\t]*`, 'y')
/** A semicolon alone is a parameter left out. */
const PARAMETER = new RegExp(
  `;[ \\t]*(?:(${TOKEN})[ \\t]*=[ \\t]*(?:"((?:[^"\\\\]|\\\\[^])*)"|(${TOKEN}))[ \\t]*)?`,
  'y',
)
/** RFC 8187, 3.2.1, in the one coding that all may send. */
const EXTENDED = /^utf-8'[a-z0-9-]*'((?:%[0-9a-f]{2}|[!#$&+\-.^_`|~0-9a-z])*)$/i

/**
 * Parses the Content-Disposition of a part (RFC 7578, 4.2, with the grammar of RFC 6266 and the coding of RFC
 * 8187), in linear time. `filename*` counts more than `filename`.
 * @throws {HttpProblem} for what it cannot understand, so that no file is taken for a field.
 */
export function parseDisposition(value: string): Disposition {
  const [type, parameters] = parseParameters(value)
  if (type.toLowerCase() !== 'form-data') throw malformed('it is not form-data')
  const field = textOf('name', parameters)
  if (field === undefined) throw malformed('it has no name')
  return { field, filename: textOf('filename', parameters) }
}

/** A parameter as it was written; a quoted one already without its quotes and escapes. */
type Parameters = Map<string, { text: string; isQuoted: boolean }>

function parseParameters(value: string): [type: string, Parameters] {
  TYPE.lastIndex = 0
  const type = TYPE.exec(value)?.[1] ?? ''
  const parameters: Parameters = new Map()
  for (let at = TYPE.lastIndex; at < value.length; at = PARAMETER.lastIndex) {
    PARAMETER.lastIndex = at
    const [all, name, quoted, token] = PARAMETER.exec(value) ?? []
    if (all === undefined) throw malformed(`there is no sense in ${value.slice(at, at + 100)}`)
    if (name === undefined) continue
    const key = name.toLowerCase()
    if (parameters.has(key)) throw malformed(`it has two parameters ${key.slice(0, 100)}`)
    const isQuoted = quoted !== undefined
    parameters.set(key, { text: isQuoted ? unquote(quoted) : token!, isQuoted })
  }
  return [type, parameters]
}

/**
 * As browsers (`%22`, and a backslash is one: WHATWG), and Go and curl (`\"` and `\\`) escape what may not
 * stand between quotes.
 */
function unquote(quoted: string): string {
  return quoted.replace(/\\(["\\])|%(22|0D|0A)/gi, (_, character, hex) =>
    hex === undefined ? character : String.fromCharCode(Number.parseInt(hex, 16)),
  )
}

function textOf(name: string, parameters: Parameters): string | undefined {
  const extended = parameters.get(`${name}*`)
  if (extended !== undefined) return decodeExtended(name, extended)
  for (const key of parameters.keys()) {
    // RFC 2231 cuts a long value into these.
    if (key.startsWith(`${name}*`)) throw malformed(`${key.slice(0, 100)} is not supported`)
  }
  return parameters.get(name)?.text
}

function decodeExtended(name: string, { text, isQuoted }: { text: string; isQuoted: boolean }) {
  const encoded = isQuoted ? undefined : EXTENDED.exec(text)?.[1]
  if (encoded === undefined) throw malformed(`${name}* is not UTF-8''… as in RFC 8187`)
  try {
    return decodeURIComponent(encoded)
  } catch {
    throw malformed(`${name}* is not UTF-8`)
  }
}

function malformed(why: string): HttpProblem {
  return new HttpProblem('bad-request', `the Content-Disposition of a part is malformed: ${why}`)
}
