/**
 * Why a file has to be produced: there is no link; a chunk is gone; a link or a chunk is wrong; its time is
 * over; the engine does not answer.
 */
export type FillReason = 'not-found' | 'evicted' | 'corrupt' | 'expired' | 'unavailable'

/**
 * What came of a fill: the file was produced and stored; the stale file was made valid again; another
 * process produced it; it was produced and not stored, also because it was replaced or deleted meanwhile.
 */
export type FillOutcome = 'filled' | 'renewed' | 'waited' | 'unstored'

/** How one fill ended, for all callers that waited for it. */
export type FillResult =
  | { reason: FillReason; outcome: FillOutcome }
  | { reason: FillReason; error: unknown }
