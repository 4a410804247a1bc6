import { readFileSync } from 'node:fs'
import { Digest } from '../../src/digest.ts'
import { Keys } from '../../src/store/records/keys.ts'
import { encodeLink, type Link } from '../../src/store/records/link.ts'
import { Manifest } from '../../src/store/records/manifest.ts'
import { Sealer } from '../../src/store/records/seal.ts'
import { encodeTombstone } from '../../src/store/records/tombstone.ts'

/** A record as it is stored, and what it says; its bytes are in `fixtures/records-v1`. */
export interface RecordFixture {
  /** The file's name there, without `.bin`. */
  readonly name: string
  readonly key: string
  readonly secrets: readonly string[]
  readonly link: Link
}

/** 2026-01-02T03:04:05.678Z */
const STORED_AT = 1_767_323_045_678
const keys = new Keys()

/** The manifest that these bytes have with chunks of `chunkSize` bytes. */
export function manifestOf(content: Buffer, chunkSize: number): Manifest {
  const digests: Buffer[] = []
  for (let at = 0; at < content.length; at += chunkSize) {
    digests.push(Digest.of(content.subarray(at, at + chunkSize)).bytes)
  }
  return new Manifest(Digest.of(content), content.length, chunkSize, Buffer.concat(digests))
}

const hello = manifestOf(Buffer.from('hello, world\n'), 524_038)
const threeChunks = manifestOf(Buffer.from('hello, world\n'), 5)
const empty = manifestOf(Buffer.alloc(0), 524_038)
const named: Link = {
  manifest: threeChunks,
  storedAt: STORED_AT,
  ttl: 3600,
  name: 'greetings/grüße 🌍.txt',
  type: 'text/plain; charset=utf-8',
  attributes: { 'x-artifact-duration': '1234', 'x-artifact-tag': 'a tag' },
}

export const RECORDS: readonly RecordFixture[] = [
  {
    name: 'by-hash',
    key: keys.linkByHash(hello.digest),
    secrets: [],
    link: { manifest: hello, storedAt: STORED_AT, ttl: 0 },
  },
  { name: 'by-name', key: keys.linkByName(named.name!), secrets: [], link: named },
  { name: 'by-name-hmac', key: keys.linkByName(named.name!), secrets: ['a secret'], link: named },
  {
    name: 'empty-file',
    key: keys.linkByHash(empty.digest),
    secrets: [],
    link: { manifest: empty, storedAt: STORED_AT, ttl: 0 },
  },
]

/** The key of `by-name`, deleted. */
export const TOMBSTONE = {
  name: 'tombstone',
  key: keys.linkByName(named.name!),
  tombstone: { deletedAt: STORED_AT },
}

export function encodeTombstoneFixture(): Buffer {
  return encodeTombstone(TOMBSTONE.tombstone, TOMBSTONE.key, new Sealer())
}

export function encodeFixture({ link, key, secrets }: RecordFixture): Buffer {
  return encodeLink(link, key, new Sealer(secrets))
}

export function fixtureUrl({ name }: { name: string }): URL {
  return new URL(`../../fixtures/records-v1/${name}.bin`, import.meta.url)
}

export function readFixture(record: { name: string }): Buffer {
  return readFileSync(fixtureUrl(record))
}
