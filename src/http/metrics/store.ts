import { Counter, Gauge, type Registry } from 'prom-client'
import { BlobcachedError, type FileStore } from '../../index.ts'

/** Told as 0 before they happen, so that the first time shows as an increase. */
const OUTCOMES = ['stored', 'aborted', 'insufficient-storage', 'unavailable', 'digest-mismatch']

/** What becomes of uploads, and of the chunks that reads need. */
export function storeMetrics(registry: Registry, store: FileStore): void {
  const registers = [registry]
  const uploads = new Counter({
    name: 'blobcached_uploads_total',
    help: 'Do uploads succeed? By outcome: stored, the reason that they failed for, or aborted when the client left or fell silent.',
    labelNames: ['outcome'],
    registers,
  })
  const uploaded = new Counter({
    name: 'blobcached_uploaded_bytes_total',
    help: 'How many bytes of files were stored?',
    registers,
  })
  const underWay = new Gauge({
    name: 'blobcached_uploads_under_way',
    help: 'How many uploads are under way now?',
    registers,
  })
  const lost = new Counter({
    name: 'blobcached_chunks_lost_total',
    help: 'How many chunks that reads needed were not there? By state: evicted when memcached had none, corrupt when it had other bytes.',
    labelNames: ['state'],
    registers,
  })
  const disproved = new Counter({
    name: 'blobcached_manifests_disproved_total',
    help: 'How many records named chunks that are together another content than they say? Each that is not 0 was forged.',
    registers,
  })
  for (const outcome of OUTCOMES) uploads.inc({ outcome }, 0)
  for (const state of ['evicted', 'corrupt']) lost.inc({ state }, 0)

  store.observe({
    uploadBegan: () => underWay.inc(),
    uploadEnded(result) {
      underWay.dec()
      if ('size' in result) uploaded.inc(result.size)
      uploads.inc({ outcome: 'size' in result ? 'stored' : failureOf(result.error) })
    },
    chunkLost: (state) => lost.inc({ state }),
    manifestDisproved: () => disproved.inc(),
  })
}

function failureOf(error: unknown): string {
  return error instanceof BlobcachedError ? error.code : 'aborted'
}
