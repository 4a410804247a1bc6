import type { Readable } from 'node:stream'
import type { Context } from 'koa'
import { receiptJson } from '../../api/receipt.ts'
import {
  type CommitOptions,
  type FileStore,
  InvalidArgumentError,
  type Receipt,
  type StagedFile,
} from '../../index.ts'
import { commitOptions, underConditions } from '../content/conditions.ts'
import type { Exchange } from '../exchange/exchange.ts'
import { parseTtl } from '../fields/query.ts'
import { HttpProblem } from '../problem.ts'
import { type FormPart, parseForm } from './form-parts.ts'
import { Flow, PartContent } from './part-content.ts'

/** Bytes of a field that is not a file. */
const MAX_FIELD = 16 * 1024

export function isForm({ headers }: Exchange): boolean {
  return /^multipart\/form-data\s*(?:;|$)/i.test(headers['content-type'] ?? '')
}

/**
 * Stores the files of a form, all of them or none: chunks as they come, links when the form has
 * been read to its end. Each is named by the `name` field before it, or by its file name.
 */
export async function receiveForm(ctx: Context, store: FileStore): Promise<void> {
  const { exchange } = ctx
  const { signal, query } = exchange
  const asked = { name: query.text('name'), ...query.ttl() }
  const upload = new FormUpload(store, signal)
  const files = await upload.read(ctx)
  const life = onlyTtl(asked.ttl, upload.ttl)
  const commits = namesOf(files, asked.name, upload.spareName).map(
    ([file, name]): [StagedFile, CommitOptions] => {
      const options = { ...describe(file, name), signal }
      return [file.staged, { ...commitOptions(exchange, store, options), ...life }]
    },
  )
  const receipts: Receipt[] = []
  await underConditions(exchange, link(commits, receipts))
  ctx.status = 201
  ctx.body = receipts.map(receiptJson)
}

async function link(commits: readonly [StagedFile, CommitOptions][], receipts: Receipt[]) {
  for (const [staged, options] of commits) await staged.confirm(options)
  for (const [staged, options] of commits) receipts.push(await staged.commit(options))
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
  readonly #store: FileStore
  readonly #signal: AbortSignal
  readonly #files: Promise<FormFile | undefined>[] = []
  readonly #open = new Set<PartContent>()
  #flow!: Flow
  #fail!: (error: unknown) => void

  constructor(store: FileStore, signal: AbortSignal) {
    this.#store = store
    this.#signal = signal
  }

  /** Reads the form; a failure closes all parts. */
  async read(ctx: Context): Promise<FormFile[]> {
    const controller = new AbortController()
    this.#fail = (error) => controller.abort(error)
    const signal = AbortSignal.any([this.#signal, controller.signal])
    try {
      await parseForm(ctx, this, signal)
      const files = await Promise.all(this.#files)
      return files.filter((file) => file !== undefined)
    } catch (error) {
      for (const content of this.#open) content.end(error)
      await Promise.allSettled(this.#files)
      throw error
    }
  }

  onBody(body: Readable): void {
    this.#flow = new Flow(body)
  }

  onPart(part: FormPart): void {
    if (part.filename === undefined) this.#readField(part)
    else this.#storeFile(part)
  }

  #readField({ field, content }: FormPart): void {
    let value = ''
    content.on('data', (piece: Buffer) => {
      value += piece.toString('latin1')
      if (value.length > MAX_FIELD) {
        this.#fail(new HttpProblem('too-large', `a field has at most ${MAX_FIELD} bytes`))
      }
    })
    content.on('end', () => {
      try {
        this.#setField(field, Buffer.from(value, 'latin1').toString())
      } catch (error) {
        this.#fail(error)
      }
    })
  }

  #setField(field: string, value: string): void {
    if (field === 'ttl') {
      if (this.ttl !== undefined) throw new InvalidArgumentError('ttl is given more than once')
      this.ttl = parseTtl(value)
    } else if (field === 'name') {
      if (this.spareName !== undefined) {
        throw new InvalidArgumentError('two names are given, and no file between them')
      }
      this.spareName = value
    }
  }

  #storeFile({ filename, type, content }: FormPart): void {
    const isNamedByField = this.spareName !== undefined
    const name = this.spareName ?? (filename || undefined)
    this.spareName = undefined
    const pieces = new PartContent(this.#flow)
    this.#open.add(pieces)
    content.on('data', (piece: Buffer) => pieces.push(piece))
    content.on('end', () => pieces.end())
    this.#flow.opened(1)
    const stored = this.#stage(pieces).then((staged) => {
      // A form with no file chosen sends an empty one without a name.
      if (name === undefined && staged.size === 0) return undefined
      return { staged, name, isNamedByField, type }
    })
    stored.catch(this.#fail)
    this.#files.push(stored)
  }

  async #stage(pieces: PartContent): Promise<StagedFile> {
    try {
      return await this.#store.stage(pieces, { signal: this.#signal })
    } finally {
      this.#open.delete(pieces)
      this.#flow.opened(-1)
    }
  }
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
