import { Command } from 'commander'
import { pathOf, withQuery } from '../../api/paths.ts'
import { RemoteError } from '../client/remote-error.ts'
import { parseRef } from '../client/remote-file.ts'
import { Report } from '../terminal/report.ts'
import { addConnectionOptions, type ConnectionOptions, withServer } from './connection.ts'
import { forEach } from './for-each.ts'

interface RmCommandOptions extends ConnectionOptions {
  purge?: boolean
  force?: boolean
  json?: boolean
}

/** More requests at a time would not make it faster. */
const JOBS = 4

export function rmCommand(): Command {
  const command = new Command('rm')
    .description('remove names, or content by its hash')
    .argument('<file...>', 'names or content hashes')
    .option('--purge', 'remove the chunks as well, even if other names lead to them')
    .option('-f, --force', 'succeed for files that are not there')
    .option('--json', 'print a JSON object for each file')
    .addHelpText('after', HELP)
    .action(rm)
  return addConnectionOptions(command)
}

const HELP = `
Removes one link each: content that was removed by name can still be fetched by hash or by its
other names. Memcached frees the chunks when it needs room; --purge frees them now.

Examples:
  blobcached rm report.pdf
  blobcached rm --purge 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08`

async function rm(refs: string[], options: RmCommandOptions): Promise<void> {
  const report = new Report(options)
  await withServer(options, report, async (server) => {
    await forEach(refs, { jobs: JOBS, signal: server.signal, report }, async (text) => {
      const path = withQuery(pathOf(parseRef(text)), { purge: options.purge })
      try {
        await server.delete(path)
        report.result(text, { file: text, removed: true })
      } catch (error) {
        const isGone = error instanceof RemoteError && error.reason === 'not-found'
        if (!isGone || !options.force) throw error
        report.result(text, { file: text, removed: false })
      }
    })
  })
}
