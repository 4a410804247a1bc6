import type { Filling, StoredFile } from '../../index.ts'
import type { Served } from '../exchange/exchange.ts'
import { failureKept } from './kept.ts'

/** What Cache-Status (RFC 9211) says of a file that was there. */
export function cacheStatusOfHit(file: StoredFile): string {
  const failure = failureKept(file)
  return failure === undefined ? 'blobcached; hit' : `blobcached; hit; detail=${failure}`
}

/** What Cache-Status says of a file that the origin may have been asked for. */
export function cacheStatusOf({ outcome, reason, file }: Filling): string {
  if (outcome === 'hit') return cacheStatusOfHit(file)
  if (outcome === 'stale') return `blobcached; hit; ttl=${secondsLeft(file)}`
  const forwarded = `blobcached; fwd=${reason === 'expired' ? 'stale' : 'miss'}`
  const isExpected = reason === 'not-found' || reason === 'expired'
  const detail = isExpected ? '' : `; detail=${reason}`
  if (outcome === 'waited') return `${forwarded}; collapsed${detail}`
  if (outcome === 'unstored') return forwarded + detail
  if (outcome !== 'renewed') return `${forwarded}; stored${detail}`
  const failure = failureKept(file)
  return forwarded + (failure === undefined ? '; fwd-status=304' : `; detail=${failure}`)
}

/** What logs and metrics call it; `undefined` for a file that was there. */
export function servedAs({ outcome, reason }: Filling): Served | undefined {
  switch (outcome) {
    case 'hit':
      return undefined
    case 'waited':
      return 'collapsed'
    case 'unstored':
      return 'passed'
    case 'filling':
    case 'filled':
      return reason === 'evicted' || reason === 'corrupt' ? 'healed' : 'filled'
    default:
      return outcome
  }
}

/** Negative for a file whose time is over. */
function secondsLeft({ storedAt, ttl }: StoredFile): number {
  return Math.floor((storedAt.getTime() - Date.now()) / 1000) + ttl
}
