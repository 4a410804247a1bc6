// Lists the tensors of a model in the safetensors format, of which it reads the header alone, through blobcached:
// npx tsx examples/weights/tensors.ts http://127.0.0.1:8080 models/weights.safetensors
// The server has the models of an object store, and passes ranges of the large ones on:
// blobcached serve --origin https://store.example/bucket/ --origin-authorization-file token

const [, , server = 'http://127.0.0.1:8080', name = ''] = process.argv
const path = name.split('/').map(encodeURIComponent).join('/')

async function range(start: number, end: number): Promise<Buffer> {
  const headers = { Range: `bytes=${start}-${end - 1}` }
  const answer = await fetch(`${server}/files/${path}`, { headers })
  if (answer.status !== 206) throw new Error(`${answer.status}: ${await answer.text()}`)
  return Buffer.from(await answer.arrayBuffer())
}

/** Eight bytes with the length of a JSON object, and that object. */
const length = Number((await range(0, 8)).readBigUInt64LE())
const header = JSON.parse((await range(8, 8 + length)).toString())
for (const [tensor, { dtype, shape }] of Object.entries<{ dtype: string; shape: number[] }>(
  header,
)) {
  if (tensor !== '__metadata__') console.log(`${tensor}  ${dtype}  ${shape.join('×')}`)
}
