import { type NamesOf, refuseUnknown } from '../known-names.ts'
import { checkOptions } from './checks.ts'
import type { WorkKind } from './memory/budgets.ts'
import type { FindOptions } from './reading/finder.ts'
import type { StoredFile } from './reading/stored-file.ts'

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
const DELETE_OPTIONS: NamesOf<DeleteOptions> = { purge: true, only: true }

/** @param where The method, of those that take a signal alone. */
export function checkGetOptions(where: string, options: GetOptions): void {
  checkOptions(where, options, GET_OPTIONS)
}

export function checkFindOptions(options: FindOptions): void {
  refuseUnknown('find', options, FIND_OPTIONS)
}

export function checkWorkOptions(options: WorkOptions): void {
  checkOptions('withMemory', options, WORK_OPTIONS)
}

export function checkDeleteOptions(options: DeleteOptions): void {
  refuseUnknown('delete', options, DELETE_OPTIONS)
}
