import { LRUCache } from 'lru-cache'
import type { Manifest } from './manifest.ts'

/** The most manifests that are remembered: 5 to 10 MB. */
const MAX_VERDICTS = 32_768

/**
 * Remembers which manifests list the content that they are said to list. One is proven when it was sealed
 * with a secret, when this process stored the file, or when this process has hashed the whole content and
 * it had the digest. With one chunk or none there is nothing to prove: that chunk is the file.
 */
export class Proofs {
  readonly #sealProves: boolean
  readonly #verdicts = new LRUCache<string, boolean>({ max: MAX_VERDICTS })

  /** @param sealProves Whether only holders of a secret can make a record that is accepted. */
  constructor(sealProves = false) {
    this.#sealProves = sealProves
  }

  isProven(manifest: Manifest): boolean {
    return this.#isProvenAnyway(manifest) || this.#verdicts.get(manifest.identity) === true
  }

  /** Whether the chunks that the manifest lists are together another content than it says. */
  isDisproved(manifest: Manifest): boolean {
    return !this.#isProvenAnyway(manifest) && this.#verdicts.get(manifest.identity) === false
  }

  /** Returns whether that is news. */
  learn(manifest: Manifest, isRight: boolean): boolean {
    if (this.#isProvenAnyway(manifest)) return false
    const before = this.#verdicts.get(manifest.identity)
    this.#verdicts.set(manifest.identity, isRight)
    return before !== isRight
  }

  #isProvenAnyway({ chunkCount }: Manifest): boolean {
    return this.#sealProves || chunkCount <= 1
  }
}
