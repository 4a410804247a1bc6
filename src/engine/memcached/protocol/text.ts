import { violation } from '../connection-error.ts'
import { LineCodec, parseCas, parseNumber, type ValueLine } from './lines.ts'
import type { Reply, Request } from './protocol.ts'

const OK: Reply = { status: 'ok' }
const NOT_FOUND: Reply = { status: 'not-found', text: 'key not found' }
const EXISTS: Reply = { status: 'exists', text: 'key exists' }
const NOT_STORED: Reply = { status: 'error', text: 'item not stored' }

/** What each line means in answer to each request, values aside. */
const ANSWERS: Partial<Record<Request['verb'], Readonly<Record<string, Reply>>>> = {
  get: { END: NOT_FOUND },
  gets: { END: NOT_FOUND },
  set: { STORED: OK, EXISTS, NOT_FOUND, NOT_STORED },
  add: { STORED: OK, NOT_STORED: EXISTS },
  touch: { TOUCHED: OK, NOT_FOUND },
  delete: { DELETED: OK, NOT_FOUND },
}
/** And to a `delete` of one version. */
const TO_CAS: Readonly<Record<string, Reply>> = { STORED: OK, EXISTS, NOT_FOUND }

/**
 * A date long ago, in Unix time, that is the least which memcached does not take for seconds from
 * now. An item that expires then is gone at once. Proxies take no negative number.
 */
const LONG_AGO = 30 * 24 * 3600 + 1

/**
 * The classic text commands, which every memcached and proxy speaks. A value comes with its key,
 * which is all there is to tell whose response it is.
 */
export class TextCodec extends LineCodec {
  readonly name = 'text'
  readonly hello: readonly Request[] = [{ verb: 'noop' }]

  constructor() {
    super('\r\nEND\r\n')
  }

  protected command({ verb, key, value, exptime, cas }: Request): string {
    switch (verb) {
      case 'noop':
        return 'version'
      case 'set':
        if (cas !== undefined) return `cas ${key} 0 ${exptime} ${value!.length} ${cas}`
        return `set ${key} 0 ${exptime} ${value!.length}`
      case 'add':
        return `add ${key} 0 ${exptime} ${value!.length}`
      case 'touch':
        return `touch ${key} ${exptime}`
      case 'delete':
        // There is no delete of one version, but it can be replaced by what has expired.
        return cas === undefined ? `delete ${key}` : `cas ${key} 0 ${LONG_AGO} 0 ${cas}\r\n`
      default:
        return `${verb} ${key}`
    }
  }

  protected understand(line: string, { verb, key, cas }: Request): Reply | ValueLine | undefined {
    // A proxy passes it on to one of its servers; it answers even if that one does not.
    if (verb === 'noop') return /^(VERSION|SERVER_ERROR) /.test(line) ? OK : undefined
    if ((verb === 'get' || verb === 'gets') && line.startsWith('VALUE ')) {
      return readValueLine(line, key!, verb === 'gets')
    }
    return (verb === 'delete' && cas !== undefined ? TO_CAS : ANSWERS[verb])?.[line]
  }
}

/** Reads `VALUE <key> <flags> <bytes> [<cas>]`. */
function readValueLine(line: string, key: string, hasCas: boolean): ValueLine {
  if (!line.startsWith(`${key} `, 6)) throw violation('a response to another request')
  const [flags, size, cas, ...more] = line.slice(7 + key.length).split(' ')
  parseNumber(flags)
  if (more.length > 0 || (cas !== undefined) !== hasCas) {
    throw violation('a value that is described wrongly')
  }
  return hasCas ? { size: parseNumber(size), cas: parseCas(cas) } : { size: parseNumber(size) }
}
