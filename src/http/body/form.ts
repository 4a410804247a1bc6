import { setMaxListeners } from 'node:events'
import { setImmediate as othersTurn } from 'node:timers/promises'
import type { Context } from 'koa'
import { contentCoding } from '../../api/fields.ts'
import { receiptJson } from '../../api/receipt.ts'
import {
  type CommitOptions,
  type FileStore,
  InvalidArgumentError,
  type Receipt,
  type StagedFile,
} from '../../index.ts'
import { commitOptions, underConditions } from '../content/conditions.ts'
import { mapOrStop } from '../content/map-or-stop.ts'
import { checkIsUpload } from '../content/put.ts'
import type { Exchange } from '../exchange/exchange.ts'
import { parseTtl } from '../fields/query.ts'
import { HttpProblem } from '../problem.ts'
import { decodeText, FormBody, type FormPart } from './form-body.ts'

/** Bytes of a field that is not a file. */
const MAX_FIELD = 16 * 1024
/** Files that are being stored, or linked, at once: fewer once one of the form is not small. */
const AT_ONCE = { small: 64, other: 16 }
/**
 * Forms of more than this wait for memory, for as much as the headers of any form and what is known of its
 * files take: no file is named before the whole form is there.
 */
const MANY = { parts: 64, headerBytes: 32 * 1024, memory: 1024 * 1024 }

export function isForm({ headers }: Exchange): boolean {
  return /^multipart\/form-data\s*(?:;|$)/i.test(headers['content-type'] ?? '')
}

/**
 * Stores the files of a form, all of them or none: chunks as they come, links when the form has
 * been read to its end. Each is named by the `name` field before it, or by its file name.
 */
export async function receiveForm(ctx: Context, store: FileStore): Promise<void> {
  const { exchange } = ctx
  checkIsUpload(exchange)
  refuseCoding(exchange)
  const asked = { name: exchange.query.text('name'), ...exchange.query.ttl() }
  const upload = new FormUpload(store, exchange)
  const finish = async () => {
    const files = await upload.readAll()
    const life = onlyTtl(asked.ttl, upload.ttl)
    const commits = namesOf(files, asked.name, upload.spareName).map(
      ([file, name]): [StagedFile, CommitOptions] => {
        const options = { ...describe(file, name), ...life, signal: exchange.signal }
        return [file.staged, commitOptions(exchange, store, options)]
      },
    )
    const receipts = await underConditions(exchange, link(commits, upload.atOnce))
    ctx.status = 201
    ctx.body = receipts.map((receipt) => receiptJson(receipt, exchange.base))
  }
  try {
    if (await upload.readFew()) await finish()
    else await store.withMemory(MANY.memory, finish, { kind: 'receiving', signal: exchange.signal })
  } finally {
    await upload.close()
  }
}

/** Refuses any Content-Encoding: it is that of the form, and would have to be undone to find the files. */
function refuseCoding({ headers }: Exchange): void {
  if (contentCoding(headers['content-encoding']) === 'identity') return
  const detail =
    'a form is sent without Content-Encoding, which would be its own and not that of its files'
  throw new HttpProblem('unsupported-media-type', detail, { 'Accept-Encoding': 'identity' })
}

/** @param commits With names of their own, so that their order is that of nothing. */
async function link(
  commits: readonly [StagedFile, CommitOptions][],
  atOnce: number,
): Promise<Receipt[]> {
  let begun = 0
  let turn: Promise<void> | undefined
  const each = <T>(work: (staged: StagedFile, options: CommitOptions) => Promise<T>) =>
    mapOrStop(
      commits,
      async ([staged, options]) => {
        if (begun++ % atOnce === 0) turn = othersTurn()
        await turn
        return work(staged, options)
      },
      atOnce,
    )
  await each((staged, options) => staged.confirm(options))
  return each((staged, options) => staged.commit(options))
}

interface FormFile {
  readonly staged: StagedFile
  /** What a field said, or the sender's own name for it. */
  readonly name: string | undefined
  readonly isNamedByField: boolean
  readonly type: string | undefined
}

class FormUpload {
  /** A name that came after the last file. */
  spareName: string | undefined
  ttl: number | undefined
  /** How many files may be stored, or linked, at once. */
  atOnce = AT_ONCE.small
  readonly #store: FileStore
  readonly #closed = new AbortController()
  /** Aborted when the form is closed, too. */
  readonly #signal: AbortSignal
  readonly #body: FormBody
  #isWhole = false
  readonly #files: Promise<FormFile | undefined>[] = []
  /** Those that are not all stored yet. */
  readonly #open = new Set<Promise<unknown>>()

  constructor(store: FileStore, exchange: Exchange) {
    this.#store = store
    this.#signal = AbortSignal.any([exchange.signal, this.#closed.signal])
    setMaxListeners(0, this.#signal) // Limits on a form bound what listens, not Node's ten.
    this.#body = new FormBody(exchange)
  }

  /** Reads what takes no memory to speak of; returns whether that was all. */
  async readFew(): Promise<boolean> {
    const { parts, headerBytes } = MANY
    while (this.#body.parts <= parts && this.#body.headerBytes <= headerBytes) {
      if (!(await this.#readPart())) return true
    }
    return false
  }

  /** Reads the rest; returns all files. */
  async readAll(): Promise<FormFile[]> {
    while (await this.#readPart());
    const files = await Promise.all(this.#files)
    return files.filter((file) => file !== undefined)
  }

  /** Ends what is under way. */
  async close(): Promise<void> {
    this.#body.close()
    this.#closed.abort()
    await Promise.allSettled(this.#files)
  }

  async #readPart(): Promise<boolean> {
    const part = this.#isWhole ? undefined : await this.#body.next()
    this.#isWhole = part === undefined
    if (part === undefined) return false
    if (part.header.filename === undefined) await this.#readField(part)
    else await this.#storeFile(part)
    return true
  }

  async #readField({ header: { field }, content }: FormPart): Promise<void> {
    const pieces: Buffer[] = []
    let bytes = 0
    for await (const piece of content) {
      bytes += piece.length
      if (bytes > MAX_FIELD) {
        throw new HttpProblem('too-large', `a field has at most ${MAX_FIELD} bytes`)
      }
      pieces.push(piece)
    }
    if (field === 'ttl') {
      if (this.ttl !== undefined) throw new InvalidArgumentError('ttl is given more than once')
      this.ttl = parseTtl(Buffer.concat(pieces).toString('latin1'))
    } else if (field === 'name') {
      if (this.spareName !== undefined) {
        throw new InvalidArgumentError('two names are given, and no file between them')
      }
      this.spareName = decodeText(Buffer.concat(pieces), 'the field name')
    }
  }

  /** Returns when its content has been read, so that the next part can be. */
  async #storeFile({ header, content, size, isRead }: FormPart): Promise<void> {
    const { filename, type } = header
    const isNamedByField = this.spareName !== undefined
    const name = this.spareName ?? (withoutDrive(filename!) || undefined)
    this.spareName = undefined
    const staging = this.#store.stage(content, { size, signal: this.#signal })
    const stored = staging.then((staged) => {
      // A form with no file chosen sends an empty one without a name.
      if (name === undefined && staged.size === 0) return undefined
      return { staged, name, isNamedByField, type }
    })
    this.#files.push(stored)
    this.#open.add(stored)
    const closed = () => void this.#open.delete(stored)
    stored.then(closed, (error) => this.#body.fail(error))
    await Promise.race([isRead, stored])
    if (size === undefined) this.atOnce = AT_ONCE.other
    while (this.#open.size >= this.atOnce) await Promise.race(this.#open)
  }
}

/** Some browsers of Windows send where the file was. */
function withoutDrive(filename: string): string {
  return /^[A-Za-z]:\\/.test(filename) ? filename.slice(filename.lastIndexOf('\\') + 1) : filename
}

/** @throws {InvalidArgumentError} when it is not clear which file shall have which name. */
function namesOf(
  files: readonly FormFile[],
  asked: string | undefined,
  spare: string | undefined,
): [FormFile, string | undefined][] {
  if (files.length === 0) throw new InvalidArgumentError('the form holds no file')
  const [only] = files
  const given = asked ?? spare
  const isClear = given === undefined || (files.length === 1 && !only!.isNamedByField)
  if (!isClear || (asked !== undefined && spare !== undefined)) {
    throw new InvalidArgumentError('a name is given that fits no file of the form', {
      expected: 'the field name before each file, or one name for one file',
      actual: JSON.stringify(given),
    })
  }
  const names = files.map((file): [FormFile, string | undefined] => [file, given ?? file.name])
  const taken = names.map(([, name]) => name).filter((name) => name !== undefined)
  if (new Set(taken).size === taken.length) return names
  throw new InvalidArgumentError('two files of the form have the same name')
}

function describe({ type }: FormFile, name: string | undefined): CommitOptions {
  if (name === undefined) return {}
  return { name, ...(type !== undefined && { type }) }
}

function onlyTtl(asked: number | undefined, given: number | undefined): { ttl?: number } {
  if (asked !== undefined && given !== undefined) {
    throw new InvalidArgumentError('ttl is given both in the query and in the form')
  }
  const ttl = asked ?? given
  return ttl === undefined ? {} : { ttl }
}
