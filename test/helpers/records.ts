import { readFileSync } from 'node:fs'
import { Digest } from '../../src/digest.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { Keys } from '../../src/store/records/keys.ts'
import { decodeLink, encodeLink, type Link } from '../../src/store/records/link.ts'
import { Manifest } from '../../src/store/records/manifest.ts'
import { Sealer } from '../../src/store/records/seal.ts'
import { encodeTombstone } from '../../src/store/records/tombstone.ts'

/** A stored record and its content; the bytes are in `fixtures/records-v1`. */
export interface RecordFixture {
  /** The file's name in that folder, without `.bin`. */
  readonly name: string
  readonly key: string
  readonly secrets: readonly string[]
  readonly link: Link
}

/** 2026-01-02T03:04:05.678Z */
const STORED_AT = 1_767_323_045_678
const keys = new Keys()

/** Returns the manifest of these bytes with chunks of `chunkSize` bytes. */
export function manifestOf(content: Buffer, chunkSize: number): Manifest {
  const digests: Buffer[] = []
  for (let at = 0; at < content.length; at += chunkSize) {
    digests.push(Digest.of(content.subarray(at, at + chunkSize)).bytes)
  }
  return new Manifest(Digest.of(content), content.length, chunkSize, Buffer.concat(digests))
}

/** What becomes of a manifest in the hands of a program that can write to memcached. */
export const FORGERIES: readonly [string, (manifest: Manifest, other: Manifest) => Manifest][] = [
  [
    'with the chunks of another file',
    ({ digest }, { size, chunkSize, digests }) => new Manifest(digest, size, chunkSize, digests),
  ],
  [
    'with its list cut',
    ({ digest, chunkSize, digests, chunkCount }) =>
      new Manifest(
        digest,
        chunkSize * (chunkCount - 1),
        chunkSize,
        digests.subarray(0, -Digest.byteLength),
      ),
  ],
  [
    'with its list doubled',
    ({ digest, size, chunkSize, digests }) =>
      new Manifest(digest, 2 * size, chunkSize, Buffer.concat([digests, digests])),
  ],
  [
    'with two chunks exchanged',
    ({ digest, size, chunkSize, digests }) => {
      const [first, second] = [digests.subarray(0, 32), digests.subarray(32, 64)]
      return new Manifest(
        digest,
        size,
        chunkSize,
        Buffer.concat([second, first, digests.subarray(64)]),
      )
    },
  ],
]

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
    name: 'by-name-kept',
    key: keys.linkByName(named.name!),
    secrets: [],
    link: { ...named, endsAt: STORED_AT + 7_200_000, staleFor: 600, keepFor: 86_400 },
  },
  {
    name: 'empty-file',
    key: keys.linkByHash(empty.digest),
    secrets: [],
    link: { manifest: empty, storedAt: STORED_AT, ttl: 0 },
  },
]

/** The tombstone of a deletion of `by-name`. */
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

/**
 * Makes the link by name ten seconds older, in an engine that keeps one copy, so that its date is exact;
 * resolves with its Last-Modified.
 */
export async function backdate(engine: Engine, name: string): Promise<string> {
  const { storedAt } = await rewrite(engine, name, (link) => ({
    ...link,
    storedAt: link.storedAt - 10_000,
  }))
  return new Date(Math.ceil(storedAt / 1000) * 1000 + 1000).toUTCString()
}

/** Puts another link in the place of the one by name, in an engine that keeps one copy. */
export async function rewrite(
  engine: Engine,
  name: string,
  change: (link: Link) => Link,
): Promise<Link> {
  const key = keys.linkByName(name)
  const sealer = new Sealer()
  const link = change((await engine.get(key, (record) => decodeLink(record, key, sealer)))!)
  await engine.set(key, encodeLink(link, key, sealer))
  return link
}
