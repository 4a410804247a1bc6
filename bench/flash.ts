/**
 * npm run bench:flash: 1.5 GB of files of 1 KB to 50 MB for a memcached with 2 GB of flash and ever less RAM: the part
 * of the files that is whole afterwards, and of the uploads that are refused.
 */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FileStore, memcached } from '../src/index.ts'
import { freePort } from '../test/helpers/ports.ts'
import { Random } from '../test/helpers/random.ts'
import { start } from './processes.ts'
import { ensurePrograms } from './programs.ts'
import { table } from './section.ts'
import { round } from './statistics.ts'

const MEGABYTES = [64, 128, 256, 512, 1024]
const SETTINGS = ['ext_item_age=0', '']
const TOTAL = 1_500_000_000
const LARGEST = 50_000_000
/** Uploads at once. */
const WORKERS = 4

ensurePrograms(['memcached'])
const content = randomBytes(LARGEST)
const rows: string[][] = []
for (const settings of SETTINGS) {
  for (const megabytes of MEGABYTES) {
    rows.push([settings || 'none', `${megabytes}`, ...(await withFlash(megabytes, settings))])
    console.error(rows.at(-1)!.join(' '))
  }
}
console.log(table(['set', '-m', 'files whole', 'bytes whole', '507', 'MB/s stored'], rows))

async function withFlash(megabytes: number, settings: string): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'blobcached-flash-'))
  const port = await freePort()
  const options = [`ext_path=${join(folder, 'flash')}:2G`, settings].filter(Boolean).join(',')
  const user = process.getuid?.() === 0 ? ['-u', 'root'] : []
  const args = ['-l', '127.0.0.1', '-p', `${port}`, '-m', `${megabytes}`, '-o', options, ...user]
  const server = await start('memcached', args, port)
  const store = new FileStore(memcached(`127.0.0.1:${port}`))
  try {
    return await fillAndLook(store)
  } finally {
    await store.close()
    await server.stop()
    rmSync(folder, { recursive: true })
  }
}

async function fillAndLook(store: FileStore): Promise<string[]> {
  const sizes = randomSizes()
  let [refused, whole, bytesWhole] = [0, 0, 0]
  const startedAt = performance.now()
  await eachOf(sizes, async (size, index) => {
    await store.put(fileOf(index, size), { name: `${index}` }).catch((error) => {
      if (error.code !== 'insufficient-storage') throw error
      refused++
    })
  })
  const seconds = (performance.now() - startedAt) / 1000
  await eachOf(sizes, async (size, index) => {
    const state = await store.verify(`${index}`).then(
      (found) => found.state,
      (error) => error.code,
    )
    if (state !== 'intact') return
    whole++
    bytesWhole += size
  })
  const bytes = sizes.reduce((sum, size) => sum + size)
  const parts = [whole / sizes.length, bytesWhole / bytes, refused / sizes.length]
  return [...parts.map((part) => part.toFixed(3)), round(TOTAL / 1e6 / seconds)]
}

/** As many of 1 to 10 KB as of 5 to 50 MB. */
function randomSizes(): number[] {
  const random = new Random(7)
  const sizes: number[] = []
  for (let sum = 0; sum < TOTAL; sum += sizes.at(-1)!) {
    sizes.push(Math.round(1000 * (LARGEST / 1000) ** random.next()))
  }
  return sizes
}

/** No two chunks of any two files are equal. */
function fileOf(index: number, size: number): Buffer {
  const bytes = Buffer.from(content.subarray(0, size))
  for (let at = 0; at + 8 <= size; at += 500_000)
    bytes.writeUInt32BE(index * 200 + at / 500_000, at)
  return bytes
}

async function eachOf(sizes: number[], work: (size: number, index: number) => Promise<void>) {
  const entries = sizes.entries()
  const worker = async () => {
    for (const [index, size] of entries) await work(size, index)
  }
  await Promise.all(Array.from({ length: WORKERS }, worker))
}
