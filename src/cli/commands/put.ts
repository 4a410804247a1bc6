import { Command, Option } from 'commander'
import prettyBytes from 'pretty-bytes'
import { Report } from '../terminal/report.ts'
import { groupsOf } from '../transfer/form.ts'
import { sumLine } from '../transfer/list.ts'
import { type PutItem, planPut } from '../transfer/put-plan.ts'
import { Uploader } from '../transfer/upload.ts'
import {
  addConnectionOptions,
  type ConnectionOptions,
  jobsOption,
  ttlOption,
  withServer,
} from './connection.ts'
import { forEach, forEachOf } from './for-each.ts'
import { globs, mediaType } from './option-values.ts'

interface PutCommandOptions extends ConnectionOptions {
  recursive?: boolean
  follow?: boolean
  name?: string | false
  prefix?: string
  ttl?: number
  type?: string
  force?: boolean
  jobs: number
  include?: string[]
  exclude?: string[]
  dryRun?: boolean
  json?: boolean
  quiet?: boolean
}

export function putCommand(): Command {
  const command = new Command('put')
    .description('store files, folders or standard input')
    .argument('<path...>', 'what to store, - for standard input')
    .option('-r, --recursive', 'store what is in folders, under names such as folder/sub/file')
    .option('-L, --follow', 'follow symbolic links in folders, which are skipped otherwise')
    .addOption(
      new Option('--exclude <glob>', 'leave out files and folders, such as *.log').argParser(globs),
    )
    .addOption(new Option('--include <glob>', 'only files such as *.html').argParser(globs))
    .option('--dry-run', 'print what would be stored, and store nothing')
    .option('-n, --name <name>', "name for one file (default: the file's own)")
    .option('--no-name', 'store by hash alone')
    .option('-p, --prefix <text>', 'prefix of every name, for example backup/')
    .addOption(ttlOption())
    .option('--type <type>', 'media type (default: guessed from the name)', mediaType)
    .option('--force', 'send the bytes even if the server has them; repairs damage')
    .addOption(jobsOption(8, 'requests'))
    .option('--json', 'print a JSON object for each file')
    .option('-q, --quiet', 'no progress')
    .addHelpText('after', HELP)
    .action(put)
  return addConnectionOptions(command)
}

const HELP = `
Prints the SHA-256 and the name of each file, as sha256sum does. Files that the server has intact
are not sent again; --force sends them anyway, which repairs damaged chunks. Up to 64 small files go
in one request. A glob without a slash matches at any depth. What cannot be read, or has a name with
control characters, is named, the rest is stored, and the exit code is 1.

Examples:
  blobcached put report.pdf                        as report.pdf
  blobcached put report.pdf -n 2024/report.pdf     under another name
  blobcached put -r site --prefix web/             as web/site/index.html, …
  blobcached put -r . --exclude .git --exclude '*.log' --dry-run
  tar c src | blobcached put - -n src.tar --ttl 1d
  blobcached put -r . > SUMS                       for blobcached get --list SUMS`

async function put(paths: string[], options: PutCommandOptions): Promise<void> {
  const report = new Report(options)
  const items = await planPut(paths, {
    ...options,
    onSkip: (path, why) => report.warn(`skipped ${path}: ${why}`),
  })
  if (options.dryRun) return rehearse(items, report)
  await withServer(options, report, async (server) => {
    const { jobs, name, ttl } = options
    // How long content without a name lives, only an upload can change.
    const force = options.force || (name === false && ttl !== undefined)
    const uploader = new Uploader(server, { ttl, force }, report.progress)
    const totals = { sent: 0, known: 0, bytes: 0 }
    await report.progress.start(bytesOf(items), items.length)
    try {
      const how = { jobs, signal: server.signal, report, labelOf }
      await forEachOf(groupsOf(items, jobs), how, async (item, group) => {
        const { receipt, sent } = await uploader.upload(item, group)
        totals[sent ? 'sent' : 'known'] += 1
        totals.bytes += receipt.size
        report.progress.fileDone()
        const { path, name } = item
        const json = { path, sent, ...receipt, ...(name !== undefined && { name }) }
        report.result(textOf(item, receipt.hash), json)
      })
    } finally {
      report.progress.stop()
    }
    report.remark(summary(totals))
  })
}

/** Prints what would be stored. */
async function rehearse(items: readonly PutItem[], report: Report): Promise<void> {
  const { signal } = new AbortController()
  await forEach(
    items,
    { jobs: 1, signal, report, labelOf },
    async ({ path, name, size, failure }) => {
      if (failure !== undefined) throw failure
      report.result(name ?? path, { path, name, size, sent: false })
    },
  )
  report.remark(`${prettyBytes(bytesOf(items))} in ${items.length} files; nothing was stored`)
}

function labelOf({ path }: PutItem): string {
  return path
}

function bytesOf(items: readonly PutItem[]): number {
  return items.reduce((sum, { size }) => sum + size, 0)
}

/** The line that `sha256sum` prints. */
function textOf({ name, path }: PutItem, hash: string): string {
  return sumLine(hash, name ?? path)
}

/** What was stored; the size of standard input is known only then. */
function summary({ sent, known, bytes }: Record<'sent' | 'known' | 'bytes', number>): string {
  return `${prettyBytes(bytes)}: ${sent} sent, ${known} already there`
}
