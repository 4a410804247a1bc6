import { Command } from 'commander'
import { remoteRef } from './client/refs.ts'
import { RemoteError } from './client/remote-error.ts'
import { addConnectionOptions, type ConnectionOptions, withClient } from './connection.ts'
import { forEach } from './each.ts'
import { Report } from './report.ts'

interface RmCommandOptions extends ConnectionOptions {
  purge?: boolean
  force?: boolean
  json?: boolean
}

/** Deleting is so little work that more at a time gains nothing. */
const JOBS = 4

export function rmCommand(): Command {
  const command = new Command('rm')
    .description('remove names, or content by its hash')
    .argument('<file...>', 'names or content hashes')
    .option('--purge', 'remove the chunks as well, even if other names lead to them')
    .option('-f, --force', 'what is not there is no failure')
    .option('--json', 'print a JSON object for each file')
    .addHelpText('after', HELP)
    .action(rm)
  return addConnectionOptions(command)
}

const HELP = `
Removes one link each and no other: content that was removed by name can still be fetched by hash
or by its other names. Memcached frees the chunks when it needs room; --purge frees them now.

Examples:
  blobcached rm report.pdf
  blobcached rm --purge 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08`

async function rm(refs: string[], options: RmCommandOptions): Promise<void> {
  const report = new Report(options)
  await withClient(options, report, async (client) => {
    const query = options.purge ? '?purge=true' : ''
    await forEach(refs, { jobs: JOBS, signal: client.signal, report }, async (text) => {
      const path = remoteRef(text).path + query
      try {
        const answer = await client.call({ method: 'DELETE', path })
        await answer.body.dump()
        report.result(text, { file: text, removed: true })
      } catch (error) {
        const isGone = error instanceof RemoteError && error.reason === 'not-found'
        if (!isGone || !options.force) throw error
        report.result(text, { file: text, removed: false })
      }
    })
  })
}
