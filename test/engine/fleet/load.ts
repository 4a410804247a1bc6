import { setTimeout as sleep } from 'node:timers/promises'
import { Digest } from '../../../src/index.ts'
import { Keys } from '../../../src/store/records/keys.ts'
import { bytes } from '../../helpers/bytes.ts'
import { type Answer, ask } from '../../helpers/http.ts'
import type { Random } from '../../helpers/random.ts'

/** What a request was answered with that it should not have been. */
export interface Surprise {
  what: string
  status: number
  detail: string
}

/** Contents that each file may have: few enough for all of them to fit, so that nothing is evicted. */
const VERSIONS = 6
const MAX_SIZE = 300_000
/** Several chunks make a file. */
export const CHUNK_SIZE = 65_000

interface File {
  name: string
  content: Buffer | undefined
  isBusy: boolean
}

/**
 * People who read, replace and delete files through several servers, and know what to expect:
 * each file has one owner at a time, so that there is one right answer.
 */
export class Load {
  readonly files: File[]
  readonly surprises: Surprise[] = []
  requests = 0
  slowest = { what: 'none', ms: 0 }
  readonly #urls: readonly string[]
  readonly #random: Random

  constructor(urls: readonly string[], random: Random, count: number) {
    this.#urls = urls
    this.#random = random
    this.files = Array.from({ length: count }, (_, i) => ({
      name: `folder/file ${i}`,
      content: undefined,
      isBusy: false,
    }))
  }

  async fill(): Promise<void> {
    for (const file of this.files) await this.#own(file, () => this.#put(file))
  }

  /** So many people at a time, until `isOver`. */
  async run(people: number, isOver: () => boolean): Promise<void> {
    const person = async () => {
      while (!isOver()) {
        const file = this.#random.pick(this.files)
        if (file.isBusy) await sleep(1)
        else await this.#own(file, () => this.#act(file))
      }
    }
    await Promise.all(Array.from({ length: people }, person))
  }

  /** Reads everything, by name and by hash. */
  async readAll(): Promise<void> {
    for (const file of this.files) {
      while (file.isBusy) await sleep(1)
      await this.#own(file, async () => {
        await this.#get(file, pathOf(file))
        if (file.content !== undefined) await this.#get(file, pathOfHash(file.content))
      })
    }
  }

  /** The keys of all that is stored now, and those on whose servers they are. */
  keys(): Map<string, string> {
    const keys = new Keys()
    const live = new Map<string, string>()
    const add = (key: string, near = key) => live.set(key, near)
    for (const { name, content } of this.files) {
      if (content === undefined) continue
      add(keys.linkByName(name))
      add(keys.linkByHash(Digest.of(content)))
      const near = keys.chunk(Digest.of(content.subarray(0, CHUNK_SIZE)))
      for (let at = 0; at < content.length; at += CHUNK_SIZE) {
        add(keys.chunk(Digest.of(content.subarray(at, at + CHUNK_SIZE))), near)
      }
    }
    return live
  }

  async #own(file: File, work: () => Promise<void>): Promise<void> {
    file.isBusy = true
    await work()
    file.isBusy = false
  }

  #act(file: File): Promise<void> {
    const dice = this.#random.below(100)
    if (dice < 15) return this.#put(file)
    if (dice < 20) return this.#delete(file)
    if (dice < 25) return this.#getMissing()
    const byHash = file.content !== undefined && dice < 60
    return this.#get(file, byHash ? pathOfHash(file.content!) : pathOf(file))
  }

  async #put(file: File): Promise<void> {
    const version = this.#random.below(VERSIONS)
    const content = bytes(`${file.name} ${version}`, 1 + ((version * 61_000) % MAX_SIZE))
    const answer = await this.#ask(pathOf(file), 'PUT', content)
    if (answer.status === 200 || answer.status === 201) file.content = content
    else this.#surprised(`PUT ${file.name}`, answer)
  }

  async #get(file: File, path: string): Promise<void> {
    const answer = await this.#ask(path, 'GET')
    const isRight =
      file.content === undefined
        ? answer.status === 404
        : answer.status === 200 && answer.body.equals(file.content)
    if (!isRight) this.#surprised(`GET ${path} (${file.content?.length ?? 'none'})`, answer)
  }

  async #delete(file: File): Promise<void> {
    const answer = await this.#ask(pathOf(file), 'DELETE')
    // A name that is deleted may be so again: a tombstone of it may still be about.
    if (answer.status !== 204 && (answer.status !== 404 || file.content !== undefined)) {
      this.#surprised(`DELETE ${file.name}`, answer)
    }
    file.content = undefined
  }

  async #getMissing(): Promise<void> {
    const answer = await this.#ask(`/files/never%20${this.#random.below(1e9)}`, 'GET')
    if (answer.status !== 404) this.#surprised('GET what never was', answer)
  }

  async #ask(path: string, method: string, body?: Buffer): Promise<Answer> {
    const start = performance.now()
    this.requests++
    const answer = await ask(this.#random.pick(this.#urls) + path, {
      method,
      ...(body && { body, headers: { 'Content-Length': body.length } }),
    })
    const ms = Math.round(performance.now() - start)
    if (ms > this.slowest.ms) this.slowest = { what: `${method} ${path}`, ms }
    return answer
  }

  #surprised(what: string, { status, headers, text }: Answer): void {
    const isText = headers['content-type']?.includes('json')
    this.surprises.push({ what, status, detail: isText ? text : `${text.length} characters` })
  }
}

const pathOfHash = (content: Buffer) => `/blobs/${Digest.of(content).hex}`
const pathOf = ({ name }: File) => `/files/${name.split('/').map(encodeURIComponent).join('/')}`
