import { Command } from 'commander'
import type { RepairJson } from '../../api/chunks.ts'
import { repairPathOf } from '../../api/paths.ts'
import { hashNow } from '../client/remote-file.ts'
import { exitCodeFor, ToldError } from '../exit-codes.ts'
import { printable } from '../terminal/printable.ts'
import { Report } from '../terminal/report.ts'
import { listed } from '../transfer/list.ts'
import {
  addConnectionOptions,
  type ConnectionOptions,
  jobsOption,
  listOption,
  told,
} from './connection.ts'
import { forEachListed } from './for-each.ts'

interface RepairCommandOptions extends ConnectionOptions {
  list?: string
  jobs: number
  json?: boolean
}

export function repairCommand(): Command {
  const command = new Command('repair')
    .description('write copies again that are missing or wrong, from those that are right')
    .argument('[file...]', 'names or content hashes')
    .addOption(listOption('repair'))
    .addOption(jobsOption(2))
    .option('--json', 'print a JSON object for each file')
    .addHelpText('after', HELP)
    .action(repair)
  return addConnectionOptions(command)
}

const HELP = `
For servers with --replicas. A chunk without a right copy needs a new upload: put --force. Exits
with 0 when all chunks are intact, 3 when one is evicted, 4 when one is corrupt.

Examples:
  blobcached repair report.pdf
  blobcached repair --list SUMS                    of what blobcached put -r . > SUMS stored`

async function repair(refs: string[], options: RepairCommandOptions): Promise<void> {
  const report = new Report(options)
  const { jobs } = options
  const items = await told(report, listed(refs, options.list))
  await forEachListed(items, options, { jobs, report }, async ({ ref, name: file }, server) => {
    const hash = await hashNow(server, ref)
    const done = await server.json<RepairJson>({ method: 'POST', path: repairPathOf(hash) })
    report.result(describe(file, done), { file, ...done })
    if (done.state !== 'intact') throw new ToldError(done.state, exitCodeFor(done.state))
  })
}

function describe(file: string, { state, link, chunks }: RepairJson): string {
  const repaired = link.repaired + chunks.repaired
  const silent = link.silent + chunks.silent
  const unasked = silent === 0 ? '' : `, ${silent} on servers that do not answer`
  const found = `${link.found + chunks.found} of ${link.wanted + chunks.wanted} copies`
  return `${printable(file)}  ${state}: ${found} were there, ${repaired} written again${unasked}`
}
