import type { Context } from 'koa'
import {
  BlobcachedError,
  type CommitOptions,
  Digest,
  ExistsError,
  type FileRef,
  type FileStore,
  InvalidArgumentError,
  PreconditionFailedError,
  type PutOptions,
} from '../index.ts'
import { CONTENT_ENCODING } from './content-headers.ts'
import { expectedDigest } from './digest-fields.ts'
import { evaluate, isConditional, type Validators } from './preconditions.ts'
import { HttpProblem } from './problem.ts'
import { ttlParameter } from './query.ts'
import { abortSignal } from './signal.ts'

/** What `uploadOptions` looks at, conditions aside: fields that say more than what an upload is and how long. */
export const UPLOAD_FIELDS = [
  'content-range',
  'content-encoding',
  'content-digest',
  'repr-digest',
  'digest',
] as const

/** Everything that the fields of an upload say about it, checked before its body is asked for. */
export function uploadOptions(ctx: Context, store: FileStore, options: PutOptions): PutOptions {
  if (ctx.get('Content-Range') !== '') {
    throw new InvalidArgumentError('an upload is a whole file: Content-Range is not supported', {
      actual: ctx.get('Content-Range').slice(0, 100),
    })
  }
  const path = typeof options.digest === 'string' ? Digest.parse(options.digest) : options.digest
  const digest = expectedDigest(ctx.headers, path)
  return {
    ...commitOptions(ctx, store, options, path),
    ...(options.name !== undefined && encodingOf(ctx, options)),
    ...(digest && { digest }),
  }
}

/** What making a link is subject to: the conditions of the request and how long it shall live. */
export function commitOptions<T extends CommitOptions>(
  ctx: Context,
  store: FileStore,
  options: T,
  hash?: Digest,
): T {
  const { name } = options
  const ref = name !== undefined ? { name } : hash && { hash }
  const precondition = ref && isConditional(ctx.headers) && (() => checkConditions(ctx, store, ref))
  return {
    ...options,
    ...ttlParameter(ctx),
    ...(precondition && { precondition }),
    ...(isCreateOnly(ctx) && { createOnly: true }),
    signal: options.signal ?? abortSignal(ctx),
  }
}

/** @throws {PreconditionFailedError} unless what is there now is what the request says it is. */
export async function checkConditions(ctx: Context, store: FileStore, ref: FileRef): Promise<void> {
  if (!isConditional(ctx.headers)) return
  // What cannot be read any more does not stand in the way of who wants to create it.
  const isThere = !isCreateOnly(ctx) || (await store.isReadable(ref))
  const current = isThere ? await validatorsOf(store, ref, ctx.method) : undefined
  if (evaluate(ctx.method, ctx.headers, current) === 'proceed') return
  throw new PreconditionFailedError('what is there is not what the request expects', {
    actual: current === undefined ? 'nothing' : `content ${current.hash}`,
  })
}

/** Of two that create the same name at once, the later one fails the condition that both had set. */
export async function underConditions<T>(ctx: Context, upload: Promise<T>): Promise<T> {
  try {
    return await upload
  } catch (error) {
    if (!(error instanceof ExistsError) || !isCreateOnly(ctx)) throw error
    throw new PreconditionFailedError(error.message, { cause: error })
  }
}

function isCreateOnly(ctx: Context): boolean {
  return ctx.get('If-None-Match').trim() === '*'
}

async function validatorsOf(
  store: FileStore,
  ref: FileRef,
  method: string,
): Promise<Validators | undefined> {
  try {
    const { hash, name, storedAt } = await store.find(ref)
    return { hash, lastModified: name === undefined ? undefined : storedAt }
  } catch (error) {
    // An upload may create what is not there; who wants to remove it is told so.
    const isGone = error instanceof BlobcachedError && GONE.has(error.code)
    if (isGone && method !== 'DELETE') return undefined
    throw error
  }
}

const GONE = new Set(['not-found', 'evicted', 'corrupt'])

/** The type that a name is stored with, as it was sent: bodies are never parsed by it. */
export function typeOf(ctx: Context): { type?: string } {
  const type = ctx.get('Content-Type')
  return type === '' ? {} : { type }
}

/**
 * What is stored, hashed and served again is what was sent; that it is coded is kept with the name.
 * A coding that no client undoes on its own is refused rather than served as if it were content.
 */
function encodingOf(ctx: Context, { attributes }: PutOptions): Pick<PutOptions, 'attributes'> {
  const encoding = ctx.get('Content-Encoding').trim().toLowerCase()
  if (encoding === '' || encoding === 'identity') return {}
  if (encoding.split(',').every((coding) => CODINGS.has(coding.trim()))) {
    return { attributes: { ...attributes, [CONTENT_ENCODING]: encoding } }
  }
  throw new HttpProblem('unsupported-media-type', 'this Content-Encoding is not known here', {
    'Accept-Encoding': [...CODINGS].join(', '),
  })
}

const CODINGS = new Set(['gzip', 'deflate', 'br', 'zstd'])
