import { Command } from 'commander'
import prettyBytes from 'pretty-bytes'
import type { ManifestJson } from '../../api/chunks.ts'
import { aspectPathOf, type RemoteRef } from '../../api/paths.ts'
import { RemoteError } from '../client/remote-error.ts'
import type { RemoteServer } from '../client/remote-server.ts'
import { ToldError } from '../exit-codes.ts'
import { printable } from '../terminal/printable.ts'
import { Report } from '../terminal/report.ts'
import { listed } from '../transfer/list.ts'
import { addConnectionOptions, type ConnectionOptions, listOption, told } from './connection.ts'
import { forEachListed } from './for-each.ts'

interface StatCommandOptions extends ConnectionOptions {
  list?: string
  json?: boolean
}

const JOBS = 4

export function statCommand(): Command {
  const command = new Command('stat')
    .description('show what a file is, and whether all of its chunks are there')
    .argument('[file...]', 'names or content hashes')
    .addOption(listOption('show'))
    .option('--json', 'print a JSON object for each file')
    .addHelpText('after', HELP)
    .action(stat)
  return addConnectionOptions(command)
}

const HELP = `
Asks whether every chunk is there, without reading them; verify reads and checks them. Exits with 0
when all are there, 3 when one is missing.

Examples:
  blobcached stat report.pdf
  blobcached stat --json report.pdf | jq -r .hash
  blobcached stat --list SUMS                      of what blobcached put -r . > SUMS stored`

async function stat(refs: string[], options: StatCommandOptions): Promise<void> {
  const report = new Report(options)
  const items = await told(report, listed(refs, options.list))
  await forEachListed(items, options, { jobs: JOBS, report }, async ({ ref }, server) => {
    const facts = await factsOf(server, ref)
    report.result(describe(facts), facts)
    if (facts.state === 'evicted') throw new ToldError('evicted', 3)
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

async function factsOf(server: RemoteServer, ref: RemoteRef): Promise<Facts> {
  // First, since a response to HEAD has no body that could say what is wrong.
  const manifest = await server.json<ManifestJson>({ path: aspectPathOf(ref, 'manifest') })
  const headers = await headersOf(server, ref)
  const type = ref.name === undefined ? undefined : headers?.['content-type']
  const storedAt = headers?.['last-modified']
  return {
    ...(ref.name !== undefined && { name: ref.name }),
    hash: manifest.hash,
    size: manifest.size,
    chunks: manifest.chunks.length,
    chunkSize: manifest.chunkSize,
    ...(type !== undefined && { type: printable(String(type)) }),
    ...(storedAt !== undefined && { storedAt: new Date(String(storedAt)).toISOString() }),
    state: headers === undefined ? 'evicted' : 'present',
  }
}

/** The headers of a file; `undefined` if chunks are gone, which is no error here. */
async function headersOf(server: RemoteServer, ref: RemoteRef) {
  try {
    return await server.head(ref)
  } catch (error) {
    if (error instanceof RemoteError && error.reason === 'evicted') return undefined
    throw error
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
