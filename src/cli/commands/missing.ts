import { Command } from 'commander'
import pMap from 'p-map'
import { MAX_HASHES } from '../../api/missing.ts'
import { RemoteError } from '../client/remote-error.ts'
import { hashNow } from '../client/remote-file.ts'
import type { RemoteServer } from '../client/remote-server.ts'
import { ToldError } from '../exit-codes.ts'
import { printable } from '../terminal/printable.ts'
import { Report } from '../terminal/report.ts'
import { askMissing } from '../transfer/ask-missing.ts'
import { type Listed, listed, sumLine } from '../transfer/list.ts'
import {
  addConnectionOptions,
  type ConnectionOptions,
  listOption,
  withServer,
} from './connection.ts'

interface MissingCommandOptions extends ConnectionOptions {
  list?: string
  json?: boolean
}

export function missingCommand(): Command {
  const command = new Command('missing')
    .description('print which files the server cannot serve')
    .argument('[file...]', 'names or content hashes')
    .addOption(listOption('ask about'))
    .option('--json', 'print a JSON object for each that is missing')
    .addHelpText('after', HELP)
    .action(missing)
  return addConnectionOptions(command)
}

const HELP = `
Asking extends the life of those that are there. A name is missing too when there is no file of that
name. Exits with 0 when all are there, 3 when one is missing.

Examples:
  blobcached missing --list SUMS
  sha256sum * | blobcached missing --list -`

const JOBS = 4

async function missing(refs: string[], options: MissingCommandOptions): Promise<void> {
  const report = new Report(options)
  const items = await listed(refs, options.list)
  let count = 0
  await withServer(options, report, async (server) => {
    for (let start = 0; start < items.length; start += MAX_HASHES) {
      for (const item of await missingOf(server, items.slice(start, start + MAX_HASHES))) {
        count++
        report.result(describe(item), item)
      }
    }
  })
  if (count > 0) throw new ToldError(`${count} of ${items.length} are missing`, 3)
}

interface MissingItem {
  /** `undefined` for a name that leads to no content. */
  hash?: string
  /** `undefined` for content that was asked for by its hash alone. */
  name?: string
}

async function missingOf(server: RemoteServer, items: readonly Listed[]): Promise<MissingItem[]> {
  const named = await pMap(items, (item) => resolved(server, item), { concurrency: JOBS })
  const hashes = named.flatMap(({ hash }) => hash ?? [])
  const gone = new Set(hashes.length === 0 ? [] : await askMissing(server, hashes))
  return named.filter(({ hash }) => hash === undefined || gone.has(hash))
}

async function resolved(server: RemoteServer, { ref, name }: Listed): Promise<MissingItem> {
  if (ref.hash !== undefined) return { hash: ref.hash, ...(name !== ref.hash && { name }) }
  try {
    return { hash: await hashNow(server, ref), name }
  } catch (error) {
    if (error instanceof RemoteError && error.reason === 'not-found') return { name }
    throw error
  }
}

function describe({ hash, name = '' }: MissingItem): string {
  if (hash === undefined) return printable(name)
  return name === '' ? hash : printable(sumLine(hash, name))
}
