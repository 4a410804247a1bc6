import { Digest } from '../../src/index.ts'
import { bytes } from '../helpers/bytes.ts'

/** What the tests of uploads that go wrong have in common: a small store, and more than fits it. */
export const store = {
  chunkSize: 1000,
  memory: { total: 8000, perRead: 2500 },
  maxFileSize: 5000,
}
export const small = bytes('small', 900)
export const several = bytes('several', 2400)
export const large = bytes('large', 9000)
export const access = { tokens: ['writer'], readTokens: ['reader'] }

export const byHash = (body: Buffer) => `/blobs/${Digest.of(body).hex}`
/** The hash of nothing that is ever sent. */
export const ZEROS = `/blobs/${'0'.repeat(64)}`
