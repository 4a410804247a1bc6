import { Command } from 'commander'
import { MAX_HASHES } from '../../api/missing.ts'
import { ToldError, UsageError } from '../exit-codes.ts'
import { printable } from '../terminal/printable.ts'
import { Report } from '../terminal/report.ts'
import { askMissing } from '../transfer/ask-missing.ts'
import { listed } from '../transfer/list.ts'
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
    .description('print which contents the server cannot serve')
    .argument('[hash...]', 'content hashes')
    .addOption(listOption('ask about'))
    .option('--json', 'print a JSON object for each that is missing')
    .addHelpText('after', HELP)
    .action(missing)
  return addConnectionOptions(command)
}

const HELP = `
Asking extends the life of those that are there. Exits with 0 when all are there, 3 when one is missing.

Examples:
  blobcached missing --list SUMS
  sha256sum * | blobcached missing --list -`

async function missing(hashes: string[], options: MissingCommandOptions): Promise<void> {
  const report = new Report(options)
  const items = await listed(hashes, options.list)
  const asked = items.map(({ ref, name }) => {
    if (ref.hash !== undefined) return { hash: ref.hash, name }
    throw new UsageError(`${JSON.stringify(name)} is not a content hash`)
  })
  let count = 0
  await withServer(options, report, async (server) => {
    for (let start = 0; start < asked.length; start += MAX_HASHES) {
      const batch = asked.slice(start, start + MAX_HASHES)
      const gone = new Set(
        await askMissing(
          server,
          batch.map(({ hash }) => hash),
        ),
      )
      for (const { hash, name } of batch) {
        if (!gone.has(hash)) continue
        count++
        const text = name === hash ? hash : `${hash}  ${printable(name)}`
        report.result(text, { hash, ...(name !== hash && { name }) })
      }
    }
  })
  if (count > 0) throw new ToldError(`${count} of ${asked.length} are missing`, 3)
}
