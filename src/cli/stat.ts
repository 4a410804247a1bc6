import { Command } from 'commander'
import prettyBytes from 'pretty-bytes'
import type { Answer, Client } from './client/client.ts'
import { type RemoteRef, remoteRef } from './client/refs.ts'
import { RemoteError } from './client/remote-error.ts'
import { addConnectionOptions, type ConnectionOptions, withClient } from './connection.ts'
import { forEach } from './each.ts'
import { ToldError } from './exit-codes.ts'
import { Report } from './report.ts'

interface StatCommandOptions extends ConnectionOptions {
  json?: boolean
}

const JOBS = 4

export function statCommand(): Command {
  const command = new Command('stat')
    .description('tell what a file is, and whether all of it is there')
    .argument('<file...>', 'names or content hashes')
    .option('--json', 'print a JSON object for each file')
    .addHelpText('after', HELP)
    .action(stat)
  return addConnectionOptions(command)
}

const HELP = `
Looks whether every chunk is there, and reads none: verify reads and checks them. Exits with 0 when
all is there, 3 when it is not.

Examples:
  blobcached stat report.pdf
  blobcached stat --json report.pdf | jq -r .hash`

async function stat(refs: string[], options: StatCommandOptions): Promise<void> {
  const report = new Report(options)
  await withClient(options, report, async (client) => {
    await forEach(refs, { jobs: JOBS, signal: client.signal, report }, async (text) => {
      const facts = await factsOf(client, remoteRef(text))
      report.result(describe(facts), facts)
      if (facts.state === 'evicted') throw new ToldError('evicted', 3)
    })
  })
}

interface Facts {
  name?: string
  hash: string
  size: number
  chunks: number
  chunkSize: number
  type?: string
  storedAt?: string
  state: 'present' | 'evicted'
}

async function factsOf(client: Client, ref: RemoteRef): Promise<Facts> {
  const path = ref.hash === undefined ? `${ref.path}?manifest` : `${ref.path}/manifest`
  // First, since an answer to HEAD has no body to say what is wrong.
  const manifest = await client.json<ManifestJson>({ path })
  const { headers, state } = await headOf(client, ref)
  const storedAt = headers['last-modified']
  const type = headers['content-type']
  return {
    ...(ref.hash === undefined && { name: ref.text }),
    hash: manifest.hash,
    size: manifest.size,
    chunks: manifest.chunks.length,
    chunkSize: manifest.chunkSize,
    ...(state === 'present' && ref.hash === undefined && { type: String(type) }),
    ...(storedAt !== undefined && { storedAt: new Date(String(storedAt)).toISOString() }),
    state,
  }
}

interface Head {
  headers: Answer['headers']
  state: Facts['state']
}

interface ManifestJson {
  hash: string
  size: number
  chunkSize: number
  chunks: unknown[]
}

/** What HEAD tells; that chunks are gone is an answer here. */
async function headOf(client: Client, { path }: RemoteRef): Promise<Head> {
  try {
    const answer = await client.call({ method: 'HEAD', path })
    await answer.body.dump()
    return { headers: answer.headers, state: 'present' }
  } catch (error) {
    if (!(error instanceof RemoteError) || error.reason !== 'evicted') throw error
    return { headers: {}, state: 'evicted' }
  }
}

function describe(facts: Facts): string {
  const { name, hash, size, chunks, chunkSize, type, storedAt, state } = facts
  const rows = {
    name,
    hash,
    size: `${size.toLocaleString('en')} bytes (${prettyBytes(size)})`,
    chunks: `${chunks} of up to ${chunkSize.toLocaleString('en')} bytes`,
    type,
    stored: storedAt,
    state: state === 'present' ? 'all chunks are there' : 'evicted: not all chunks are there',
  }
  return Object.entries(rows)
    .filter(([, value]) => value !== undefined)
    .map(([label, value]) => `${`${label}:`.padEnd(8)} ${value}`)
    .join('\n')
}
