export { Digest, type DigestStream } from './digest.ts'
export type {
  CopyOptions,
  CopyReport,
  Engine,
  EngineObserver,
  EngineStats,
  GetOptions as EngineGetOptions,
  Operation,
  Outcome,
  Predecessors,
  Proof,
  ReplaceOptions,
  SetOptions as EngineSetOptions,
  Slot,
  Successor,
  Versions,
} from './engine/engine.ts'
export { DamagedError } from './engine/engine.ts'
export {
  MemcachedFleet,
  type MemcachedFleetOptions,
  type MemcachedOptions,
  memcached,
} from './engine/memcached/index.ts'
export { type MemoryOptions, memory } from './engine/memory.ts'
export * from './errors.ts'
export type { MemoryUsage } from './store/budgets.ts'
export type { FileRef } from './store/file-ref.ts'
export { FileStore, type FindOptions, type GetOptions } from './store/file-store.ts'
export { hashThreadsFor } from './store/hashing/hasher.ts'
export type { ByteRange, Chunk, Manifest } from './store/manifest.ts'
export type { StoreObserver } from './store/observer.ts'
export { DEFAULT_CHUNK_SIZE, type FileStoreOptions } from './store/options.ts'
export type { PreparedRead } from './store/prepared-read.ts'
export type { Repair } from './store/repair.ts'
export type { Source } from './store/source.ts'
export type { CommitOptions, LinkOptions, Receipt, StagedFile } from './store/staged-file.ts'
export type { PrepareOptions, ReadOptions, StoredFile } from './store/stored-file.ts'
export type { Progress, PutOptions, StageOptions } from './store/upload.ts'
export type { ChunkHealth, State, Verification } from './store/verification.ts'
