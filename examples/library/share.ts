// Shares a file between processes through memcached, and shows what happens when memcached loses
// a chunk of it: npx tsx examples/library/share.ts <file>
import { createReadStream } from 'node:fs'
import { basename } from 'node:path'
import { EvictedError, FileStore, memcached, NotFoundError } from 'blobcached'

const path = process.argv[2]
if (path === undefined) throw new Error('name a file')

const servers = process.env.MEMCACHE_SERVERS ?? '127.0.0.1:11211'
const store = new FileStore(memcached(servers), { chunkSize: 10_000 })

const put = () => store.put(createReadStream(path), { name: basename(path), ttl: 3600 })
const receipt = await put()
console.log(`stored ${receipt.size} bytes in ${receipt.chunks} chunks as ${receipt.hash}`)

// Another process starts here: it needs only the name or the hash.
const file = await store.get(basename(path))
console.log(`read ${(await file.bytes()).length} bytes, every one of them verified`)

// Memcached may evict any chunk at any moment. The error says so: this is not "never stored".
const [first] = (await store.verify(receipt.hash)).chunks
if (first !== undefined) await store.engine.delete(`c:${first.hash}`)
try {
  await store.get(receipt.hash)
} catch (error) {
  if (!(error instanceof EvictedError || error instanceof NotFoundError)) throw error
  console.log(`lost: ${error.message}`)
}

// Uploading the original again heals what is missing or wrong.
await put()
console.log(`healed: ${(await store.verify(receipt.hash)).state}`)
await store.close()
