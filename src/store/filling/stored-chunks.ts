import type { Chunk } from '../records/manifest.ts'

/** The chunks of a file that is being stored, for a reader that follows. */
export class StoredChunks {
  /** By their index in the file; some may be stored before those in front of them. */
  readonly #chunks: Chunk[] = []
  #end: { error?: unknown } | undefined
  #wake: () => void = () => {}

  /** Tells that the chunk is stored. */
  readonly add = (chunk: Chunk): void => {
    this.#chunks[chunk.index] = chunk
    this.#wake()
  }

  /** Tells that the file is whole, or why it will never be. Only the first call counts. */
  end(failure?: { error: unknown }): void {
    this.#end ??= failure ?? {}
    this.#wake()
  }

  /**
   * Resolves with a chunk once it is stored and another one after it, or the whole file, which may have to have
   * a digest; with `undefined` where the file has no such chunk. Only one call at a time.
   */
  async at(index: number): Promise<Chunk | undefined> {
    for (;;) {
      if (this.#end !== undefined && 'error' in this.#end) throw this.#end.error
      const chunk = this.#chunks[index]
      const isSure = this.#end !== undefined || this.#chunks[index + 1] !== undefined
      if (isSure && (chunk !== undefined || this.#end !== undefined)) return chunk
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }
}
