import type { Digest } from '../../digest.ts'
import type { NamesOf } from '../../known-names.ts'
import { checkFunction, checkOptions, wrongArgument } from '../checks.ts'
import type { CommitOptions, LinkOptions } from './commit.ts'

export interface StageOptions {
  /** What the content's SHA-256 must be. */
  digest?: Digest | string | undefined
  /**
   * Bytes that the source must yield, no more and no fewer. Where it is given, the upload reserves no more
   * memory than it needs.
   */
  size?: number | undefined
  signal?: AbortSignal | undefined
  onProgress?: ((progress: Progress) => void) | undefined
}

export interface PutOptions extends StageOptions, CommitOptions {}

export interface Progress {
  /** Bytes stored by now. */
  readonly bytes: number
  /** Bytes in all, where that is known beforehand. */
  readonly total?: number
}

const COMMIT_OPTIONS: NamesOf<CommitOptions> = {
  name: true,
  type: true,
  attributes: true,
  ttl: true,
  staleFor: true,
  keepFor: true,
  createOnly: true,
  precondition: true,
  signal: true,
}
const STAGE_OPTIONS: NamesOf<StageOptions> = {
  digest: true,
  size: true,
  signal: true,
  onProgress: true,
}
const PUT_OPTIONS: NamesOf<PutOptions> = { ...COMMIT_OPTIONS, ...STAGE_OPTIONS }

/** @throws {InvalidArgumentError} for options that `put` does not have. */
export function checkPutOptions(options: PutOptions): void {
  checkOptions('put', options, PUT_OPTIONS)
  checkFunction('onProgress', options.onProgress)
  checkFunction('precondition', options.precondition)
}

/** @throws {InvalidArgumentError} for options that `stage` does not have. */
export function checkStageOptions(options: StageOptions): void {
  checkOptions('stage', options, STAGE_OPTIONS)
  checkFunction('onProgress', options.onProgress)
}

/** @throws {InvalidArgumentError} for options that `link` does not have, and where there is no name. */
export function checkLinkOptions(options: LinkOptions): void {
  checkCommitOptions('link', options)
  if (options.name === undefined) throw wrongArgument('name', 'what link is to call it', undefined)
}

/**
 * @param where What makes the links: `link`, or a method of a staged file.
 * @throws {InvalidArgumentError} for options that it does not have.
 */
export function checkCommitOptions(where: string, options: CommitOptions): void {
  checkOptions(where, options, COMMIT_OPTIONS)
  checkFunction('precondition', options.precondition)
}
