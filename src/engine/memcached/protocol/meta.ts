import { violation } from '../connection-error.ts'
import { LineCodec, parseCas, parseNumber, type ValueLine } from './lines.ts'
import type { Reply, Request, Verb } from './protocol.ts'

/** The largest opaque, and the least: all have as many digits. */
const MAX_OPAQUE = 4_294_967_295
const MIN_OPAQUE = 1_000_000_000

const OK: Reply = { status: 'ok' }
const NOT_FOUND: Reply = { status: 'not-found', text: 'key not found' }
const EXISTS: Reply = { status: 'exists', text: 'key exists' }
const NOT_STORED: Reply = { status: 'error', text: 'item not stored' }

/** What each word means in answer to each request, `VA` aside. */
const ANSWERS: Partial<Record<Verb, Readonly<Record<string, Reply>>>> = {
  get: { EN: NOT_FOUND },
  gets: { EN: NOT_FOUND },
  set: { HD: OK, EX: EXISTS, NF: NOT_FOUND, NS: NOT_STORED },
  add: { HD: OK, NS: EXISTS },
  touch: { HD: OK, EN: NOT_FOUND, NF: NOT_FOUND },
  delete: { HD: OK, NF: NOT_FOUND, EX: EXISTS },
}

/**
 * The meta commands of memcached 1.6. Each request has a number, its opaque, which comes back with
 * a value and with `HD`; the short answers to what is not there lack it in some versions.
 */
export class MetaCodec extends LineCodec {
  readonly name = 'meta'
  /**
   * The second stores nothing, since there is no such version. A server that does not know `ms`
   * takes its value for commands, so it is one of spaces; files follow once it is known.
   */
  readonly hello: readonly Request[] = [
    { verb: 'noop' },
    { verb: 'set', key: 'blobcached:hello', value: Buffer.alloc(200, ' '), exptime: 1, cas: 1n },
  ]
  #nextOpaque: number
  #oldestOpaque: number

  /** @param opaque The first one. Default: any, so that connections do not share them. */
  constructor(opaque = MIN_OPAQUE + Math.floor(Math.random() * (MAX_OPAQUE - MIN_OPAQUE))) {
    super('\r\n')
    this.#nextOpaque = opaque
    this.#oldestOpaque = opaque
  }

  protected command(request: Request): string {
    const { verb, key, value, exptime, cas } = request
    if (verb === 'noop') return 'mn'
    const opaque = `O${this.#nextOpaque}`
    this.#nextOpaque = after(this.#nextOpaque)
    const version = cas === undefined ? '' : ` C${cas}`
    switch (verb) {
      case 'get':
        return `mg ${key} v ${opaque}`
      case 'gets':
        return `mg ${key} v c ${opaque}`
      case 'set':
        return `ms ${key} ${value!.length} T${exptime}${version} ${opaque}`
      case 'add':
        return `ms ${key} ${value!.length} T${exptime} ME ${opaque}`
      case 'touch':
        return `mg ${key} T${exptime} ${opaque}`
      default:
        return `md ${key}${version} ${opaque}`
    }
  }

  protected understand(line: string, { verb }: Request): Reply | ValueLine | undefined {
    if (verb === 'noop') return line === 'MN' ? OK : undefined
    const [word = '', ...flags] = line.split(' ')
    if (word === 'VA' && (verb === 'get' || verb === 'gets')) {
      const size = parseNumber(flags.shift())
      const cas = this.#readFlags(flags, true)
      if (verb === 'get') return { size }
      return { size, cas: cas ?? 0n }
    }
    const reply = ANSWERS[verb]?.[word]
    if (reply !== undefined) this.#readFlags(flags, word === 'HD')
    return reply
  }

  protected override answered({ verb }: Request): void {
    if (ANSWERS[verb] !== undefined) this.#oldestOpaque = after(this.#oldestOpaque)
  }

  /** Returns the CAS if there is one. Flags of one letter tell of staleness, which we do not use. */
  #readFlags(flags: readonly string[], needsOpaque: boolean): bigint | undefined {
    let isOurs = !needsOpaque
    let cas: bigint | undefined
    for (const flag of flags) {
      if (flag === '' || flag === 'W' || flag === 'X' || flag === 'Z') continue
      if (flag === `O${this.#oldestOpaque}`) isOurs = true
      else if (flag[0] === 'O') throw violation('a response to another request')
      else if (flag[0] === 'c') cas = parseCas(flag.slice(1))
      else throw violation('a flag that was not asked for')
    }
    if (!isOurs) throw violation('a response to another request')
    return cas
  }
}

const after = (opaque: number) => (opaque >= MAX_OPAQUE ? MIN_OPAQUE : opaque + 1)
