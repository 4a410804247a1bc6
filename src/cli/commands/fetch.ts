import { Command, Option } from 'commander'
import { hashInEtag } from '../../api/fields.ts'
import type { RemoteServer } from '../client/remote-server.ts'
import { UsageError } from '../exit-codes.ts'
import { Report } from '../terminal/report.ts'
import { type FilterOptions, filterOf } from '../transfer/filter.ts'
import { type Listed, listed, sumLine } from '../transfer/list.ts'
import {
  addConnectionOptions,
  type ConnectionOptions,
  jobsOption,
  listOption,
  told,
  withServer,
} from './connection.ts'
import { forEach } from './for-each.ts'
import { globs } from './option-values.ts'

interface FetchCommandOptions extends ConnectionOptions, FilterOptions {
  list?: string
  jobs: number
  json?: boolean
  quiet?: boolean
}

export function fetchCommand(): Command {
  const command = new Command('fetch')
    .description('have the server fetch files from its origin, before clients ask for them')
    .argument('[file...]', 'names, or content hashes')
    .addOption(listOption('fetch'))
    .addOption(new Option('--exclude <glob>', 'leave out names such as *.log').argParser(globs))
    .addOption(new Option('--include <glob>', 'only names such as *.html').argParser(globs))
    .addOption(jobsOption(8))
    .option('--json', 'print a JSON object for each file')
    .option('-q, --quiet', 'no progress')
    .addHelpText('after', HELP)
    .action(fetchFiles)
  return addConnectionOptions(command)
}

const HELP = `
For a server with --origin: it fetches what it does not have, or has not fresh, and stores it. The
bytes do not come here. What is there is left alone, so a list that was interrupted can be given
again. Prints the SHA-256 and the name of each file, as put does. Exits with 3 when the origin does
not have a file. A large file may need a longer --timeout.

Examples:
  blobcached fetch models/weights.bin
  blobcached fetch --list NAMES                    one name a line
  blobcached fetch --list NAMES --include '*.tgz' -j 32`

async function fetchFiles(refs: string[], options: FetchCommandOptions): Promise<void> {
  const report = new Report(options)
  const filter = await filterOf(options)
  const all = await told(report, listed(refs, options.list))
  const items = all.filter(({ name }) => filter.takes(name) && !filter.leavesOut(name))
  if (items.length === 0) throw new UsageError('--include and --exclude leave no file')
  await withServer(options, report, async (server) => {
    await report.progress.start(0, items.length)
    try {
      const labelOf = ({ name }: Listed) => name
      const { jobs } = options
      await forEach(items, { jobs, signal: server.signal, report, labelOf }, async (item) => {
        report.progress.label(item.name)
        await fetchOne(server, item, report)
        report.progress.fileDone()
      })
    } finally {
      report.progress.stop()
    }
  })
}

/** Asks for the header: the server answers once it has the whole file. */
async function fetchOne(server: RemoteServer, { ref, name }: Listed, report: Report) {
  const isByHash = ref.hash === name
  const headers = await server.head(isByHash ? ref : { name })
  const hash = hashInEtag(headers.etag)
  if (hash === undefined) throw new Error('the origin does not let it be stored')
  if (ref.hash !== undefined && ref.hash !== hash) {
    throw new Error(`the origin has other content: ${hash}`)
  }
  const size = Number(headers['content-length'])
  const wasThere = / hit(?:;|$)/.test(String(headers['cache-status']))
  report.progress.advance(size)
  report.result(sumLine(hash, name), { file: name, hash, size, ...(wasThere && { skipped: true }) })
}
