import { Command } from 'commander'
import { etagOf } from '../../api/fields.ts'
import { pathOf, withQuery } from '../../api/paths.ts'
import { RemoteError } from '../client/remote-error.ts'
import type { RemoteServer } from '../client/remote-server.ts'
import { Report } from '../terminal/report.ts'
import { type Listed, listed } from '../transfer/list.ts'
import { addConnectionOptions, type ConnectionOptions, listOption, told } from './connection.ts'
import { forEachListed } from './for-each.ts'

interface RmCommandOptions extends ConnectionOptions {
  list?: string
  purge?: boolean
  force?: boolean
  json?: boolean
}

/** More requests at a time would not make it faster. */
const JOBS = 4

export function rmCommand(): Command {
  const command = new Command('rm')
    .description('remove names, or content by its hash')
    .argument('[file...]', 'names or content hashes')
    .addOption(listOption('remove'))
    .option('--purge', 'remove the chunks as well, even if other names lead to them')
    .option('-f, --force', 'succeed for files that are not there')
    .option('--json', 'print a JSON object for each file')
    .addHelpText('after', HELP)
    .action(rm)
  return addConnectionOptions(command)
}

const HELP = `
Removes one link each: content that was removed by name can still be fetched by hash or by its
other names. Memcached frees the chunks when it needs room; --purge frees them now. With lines that
put printed, --list removes the names that still lead to that content.

Examples:
  blobcached rm report.pdf
  blobcached rm --list SUMS                        what blobcached put -r . > SUMS stored
  blobcached rm --purge 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08`

async function rm(refs: string[], options: RmCommandOptions): Promise<void> {
  const report = new Report(options)
  const items = await told(report, listed(refs, options.list))
  const work = async ({ ref, name: file }: Listed, server: RemoteServer) => {
    const isListed = ref.hash !== undefined && ref.hash !== file
    const path = withQuery(pathOf(isListed ? { name: file } : ref), { purge: options.purge })
    try {
      await server.delete(path, isListed ? { 'if-match': etagOf(ref.hash) } : {})
      report.result(file, { file, removed: true })
    } catch (error) {
      const isGone = error instanceof RemoteError && error.reason === 'not-found'
      if (!isGone || !options.force) throw error
      report.result(file, { file, removed: false })
    }
  }
  await forEachListed(items, options, { jobs: JOBS, report }, work)
}
