import { randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, link, open, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Digest, type DigestStream } from '../../digest.ts'
import { RemoteError } from '../client/remote-error.ts'
import type { Sink } from './download.ts'

/** A file that gets its name only when it is complete. */
export class DownloadFile implements Sink {
  /** Where the bytes are until then: in the same folder, so that the rename is atomic. */
  readonly #temporary: string
  readonly #target: string
  readonly #file: FileHandle
  #isDone = false

  private constructor(target: string, temporary: string, file: FileHandle) {
    this.#target = target
    this.#temporary = temporary
    this.#file = file
  }

  static async create(target: string): Promise<DownloadFile> {
    const temporary = temporaryFor(target)
    return new DownloadFile(target, temporary, await open(temporary, 'ax+'))
  }

  /** Takes over what an interrupted download left at `part`, if that exists. */
  static async takeOver(target: string, part: string): Promise<DownloadFile | undefined> {
    const temporary = temporaryFor(target)
    try {
      await rename(part, temporary) // Of several processes that try, one succeeds.
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined
      throw error
    }
    return new DownloadFile(target, temporary, await open(temporary, 'a+'))
  }

  /** The number and the running digest of the bytes that it holds. */
  async begun(): Promise<{ bytes: number; digest: DigestStream }> {
    const digest = Digest.stream()
    let bytes = 0
    for await (const piece of createReadStream(this.#temporary) as AsyncIterable<Buffer>) {
      digest.update(piece)
      bytes += piece.length
    }
    return { bytes, digest }
  }

  /** Reads back a file that came in several parts. @throws {RemoteError} unless it has that hash. */
  async check(hash: string): Promise<void> {
    const { digest } = await this.begun()
    const actual = digest.digest().hex
    if (actual === hash) return
    throw new RemoteError('corrupt', `the parts are not the file (sha256 ${actual}, not ${hash})`)
  }

  async write(bytes: Buffer): Promise<void> {
    await this.#file.appendFile(bytes)
  }

  async restart(): Promise<void> {
    await this.#file.truncate(0)
  }

  /** Gives the file its name. @throws {ExistsError} without `overwrite`, if a file has that name by now. */
  async finish({ overwrite }: { overwrite: boolean }): Promise<void> {
    await this.#file.sync()
    await this.#file.close()
    if (overwrite) await rename(this.#temporary, this.#target)
    else await this.#linkNew()
    this.#isDone = true
  }

  /** After a failure: moves the bytes to `part`, or deletes them if there is none. */
  async abandon(part: string | undefined): Promise<void> {
    if (this.#isDone) return
    this.#isDone = true
    await this.#file.close().catch(() => {})
    const hasBytes = part !== undefined && (await stat(this.#temporary)).size > 0
    if (hasBytes) await rename(this.#temporary, part)
    else await rm(this.#temporary, { force: true })
  }

  async #linkNew(): Promise<void> {
    try {
      await link(this.#temporary, this.#target)
    } catch (error) {
      if (codeOf(error) === 'EEXIST') throw new ExistsError(this.#target)
      if (!NO_LINKS.has(codeOf(error) ?? '')) throw error
      if (await exists(this.#target)) throw new ExistsError(this.#target)
      return rename(this.#temporary, this.#target)
    }
    await rm(this.#temporary, { force: true })
  }
}

/** Error codes of file systems without hard links. */
const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'])

/** Where `get --continue` keeps the part of the content `hash` that arrived. */
export function partOf(target: string, hash: string): string {
  return join(dirname(target), `.blobcached-${hash}.part`)
}

/** Removes what an earlier `get --continue` left of the content that is at `target` now, if the folder lets it. */
export async function removePart(target: string, hash: string): Promise<void> {
  await rm(partOf(target, hash), { force: true }).catch(() => {})
}

/** Another file has the name. */
export class ExistsError extends Error {
  override readonly name = 'ExistsError'
  readonly path: string

  constructor(path: string) {
    super(`${path} is there already; -f overwrites it`)
    this.path = path
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

function temporaryFor(target: string): string {
  return join(dirname(target), `.blobcached-${randomBytes(8).toString('hex')}.tmp`)
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code
}
