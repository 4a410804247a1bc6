// Prints how much of memcached's memory holds payload, by chunk size: the table of docs/operations.md.
// Usage: npm run bench:slab-fit [-- bytes …]
import { randomBytes } from 'node:crypto'
import pMap from 'p-map'
import { Digest, type Engine, memcached } from '../src/index.ts'
import { launchMemcached } from '../test/helpers/memcached.ts'

const LIMIT_MB = 256
const LIMIT = LIMIT_MB * 1024 * 1024
/** Bytes written, as a multiple of memcached's memory, so that it has to evict. */
const FILL = 2
const SIZES = [
  65_536, 131_072, 262_144, 349_400, 524_038, 524_288, 700_000, 1_000_000, 1_047_000, 1_048_451,
]

/** Returns a key as long as that of a chunk. */
function keyOf(index: number): string {
  return `c:${Digest.of(Buffer.from(String(index))).hex}`
}

async function retained(engine: Engine, size: number): Promise<number> {
  const value = randomBytes(size)
  const count = Math.ceil((FILL * LIMIT) / size)
  const indexes = Array.from({ length: count }, (_, index) => index)
  await pMap(indexes, (index) => engine.set(keyOf(index), value), { concurrency: 8 })
  const there = await pMap(indexes, (index) => engine.touch(keyOf(index), 0), { concurrency: 64 })
  return (there.filter(Boolean).length * size) / LIMIT
}

async function measure(size: number): Promise<number> {
  const server = await launchMemcached({ memoryMb: LIMIT_MB })
  const engine = memcached(server.address, { timeoutMs: 10_000 })
  try {
    return await retained(engine, size)
  } finally {
    await engine.close()
    await server.dispose()
  }
}

const given = process.argv.slice(2).map(Number)
console.log('| chunk bytes | retained |\n|---|---|')
for (const size of given.length > 0 ? given : SIZES) {
  const share = await measure(size).catch((error: Error) => error.message)
  const shown = typeof share === 'number' ? share.toFixed(3) : share
  console.log(`| ${size.toLocaleString('en')} | ${shown} |`)
}
