import type { Engine } from '../../engine/engine.ts'
import { CopiedLinks } from './copied-links.ts'
import type { Keys } from './keys.ts'
import type { Links } from './links.ts'
import type { Proofs } from './proofs.ts'
import type { Sealer } from './seal.ts'
import { SingleLinks } from './single-links.ts'

/** Returns the links of a store, written as its engine can: where that has copies, all of them. */
export function linksOf(engine: Engine, keys: Keys, sealer: Sealer, proofs?: Proofs): Links {
  const Kind = engine.replace === undefined ? SingleLinks : CopiedLinks
  return new Kind(engine, keys, sealer, proofs)
}
