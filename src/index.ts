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
export type { DeleteOptions, GetOptions, WorkOptions } from './store/arguments.ts'
export type { FileRef } from './store/file-ref.ts'
export { FileStore } from './store/file-store.ts'
export type { Filling } from './store/filling/filler.ts'
export type {
  FillOptions,
  GetOrPutOptions,
  KeepOptions,
  Produce,
  ProduceContext,
  Produced,
  ProducedSource,
  Unchanged,
  UnusableFile,
} from './store/filling/produce.ts'
export type { ProducedFile } from './store/filling/produced-file.ts'
export type { FillOutcome, FillReason, FillResult } from './store/filling/result.ts'
export { hashThreadsFor } from './store/hashing/hasher.ts'
export type { MemoryUsage } from './store/memory/budgets.ts'
export type { StoreObserver } from './store/observer.ts'
export {
  DEFAULT_CHUNK_SIZE,
  type FileStoreOptions,
  type FillLimits,
  type MemoryLimits,
} from './store/options.ts'
export type { FindOptions } from './store/reading/finder.ts'
export type { PreparedRead } from './store/reading/prepared-read.ts'
export type { Repair } from './store/reading/repair.ts'
export type { PrepareOptions, ReadOptions, StoredFile } from './store/reading/stored-file.ts'
export type { ChunkHealth, State, Verification } from './store/reading/verification.ts'
export type { RequestLike } from './store/reading/web-response.ts'
export type { ByteRange, Chunk, Manifest } from './store/records/manifest.ts'
export type { CommitOptions, LinkOptions, Receipt } from './store/writing/commit.ts'
export type { Source } from './store/writing/source.ts'
export type { Progress, PutOptions, StagedFile, StageOptions } from './store/writing/upload.ts'
