import { Digest } from '../digest.ts'
import { type NamesOf, refuseUnknown } from '../known-names.ts'
import { checkOptions, wrongArgument } from './checks.ts'
import type { WorkKind } from './memory/budgets.ts'
import type { FileStoreOptions } from './options.ts'
import type { FindOptions } from './reading/finder.ts'
import { StoredFile } from './reading/stored-file.ts'

export interface GetOptions {
  signal?: AbortSignal | undefined
}

export interface WorkOptions extends GetOptions {
  /**
   * What it may have to wait for: `receiving` for what a client sends, `sending` for a client, or for a look at a large
   * file. Neither keeps work of another kind waiting. Default `short`: nothing but the engine.
   */
  kind?: WorkKind | undefined
}

export interface DeleteOptions {
  /** Remove the chunks as well, even if other files share them. Default false. */
  purge?: boolean | undefined
  /** Delete this file alone, as it was found: nothing that was stored in its place since. */
  only?: StoredFile | undefined
}

// What the methods of a FileStore refuse. Each throws an InvalidArgumentError.

const GET_OPTIONS: NamesOf<GetOptions> = { signal: true }
const FIND_OPTIONS: NamesOf<FindOptions> = { prefetch: true }
const WORK_OPTIONS: NamesOf<WorkOptions> = { kind: true, signal: true }
const KINDS: Readonly<Record<WorkKind, true>> = { short: true, receiving: true, sending: true }
const DELETE_OPTIONS: NamesOf<DeleteOptions> = { purge: true, only: true }

/** @param where The method, of those that take a signal alone. */
export function checkGetOptions(where: string, options: GetOptions): void {
  checkOptions(where, options, GET_OPTIONS)
}

export function checkFindOptions(options: FindOptions): void {
  refuseUnknown('find', options, FIND_OPTIONS)
}

export function checkWork(bytes: number, work: () => Promise<unknown>, options: WorkOptions): void {
  if (!(Number.isFinite(bytes) && bytes >= 0)) {
    throw wrongArgument('bytes', 'a number that is not negative', bytes)
  }
  if (typeof work !== 'function') throw wrongArgument('work', 'a function', work)
  checkOptions('withMemory', options, WORK_OPTIONS)
  const { kind = 'short' } = options
  if (!Object.hasOwn(KINDS, kind)) {
    throw wrongArgument('kind', Object.keys(KINDS).join(' or '), kind)
  }
}

export function checkDeleteOptions(options: DeleteOptions): void {
  refuseUnknown('delete', options, DELETE_OPTIONS)
  const { only } = options
  if (only !== undefined && !(only instanceof StoredFile)) {
    throw wrongArgument('only', 'a file that was found', only)
  }
}

export function checkList(name: string, list: Iterable<unknown>): void {
  if (typeof list?.[Symbol.iterator] === 'function') return
  throw wrongArgument(name, 'a list', list)
}

/** Tells the content of a link from the file that has it. */
export function toContent(content: string | Digest | StoredFile): Digest | StoredFile {
  if (content instanceof StoredFile || content instanceof Digest) return content
  if (typeof content === 'string') return Digest.parse(content)
  throw wrongArgument('the content of a link', 'its hash or a file that was found', content)
}

/** Makes a list of what seals. An empty one would seal without a secret. */
export function toSecrets(secret: FileStoreOptions['secret']): readonly (string | Uint8Array)[] {
  if (secret === undefined) return []
  const secrets: unknown = isSecret(secret) ? [secret] : secret
  if (Array.isArray(secrets) && secrets.length > 0 && secrets.every(isSecret)) return secrets
  throw wrongArgument('secret', 'a string, bytes, or a list of at least one of them', secret)
}

function isSecret(secret: unknown): secret is string | Uint8Array {
  return typeof secret === 'string' || secret instanceof Uint8Array
}
