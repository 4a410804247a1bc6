import { createWriteStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Writable } from 'node:stream'
import { Command, Option } from 'commander'
import { hashNow } from '../client/remote-file.ts'
import type { RemoteServer } from '../client/remote-server.ts'
import { UsageError } from '../exit-codes.ts'
import { Report } from '../terminal/report.ts'
import { Download, type Downloaded, type DownloadOptions, writerTo } from '../transfer/download.ts'
import { DownloadFile, exists, existsError, partOf } from '../transfer/download-file.ts'
import { type GetItem, planGet } from '../transfer/get-plan.ts'
import {
  addConnectionOptions,
  type ConnectionOptions,
  jobsOption,
  withServer,
} from './connection.ts'
import { forEach } from './for-each.ts'

interface GetCommandOptions extends ConnectionOptions {
  output?: string
  list?: string
  parents?: boolean
  continue?: boolean
  force?: boolean
  recursive?: boolean
  jobs: number
  json?: boolean
  quiet?: boolean
}

export function getCommand(): Command {
  const command = new Command('get')
    .description('fetch files by name or by content hash, and check every byte')
    .argument('[file...]', 'names or content hashes')
    .option('-o, --output <path>', 'file or folder to write to, - for standard output')
    .option('-f, --force', 'overwrite existing files')
    .option('-c, --continue', 'keep what arrived when a download fails, and resume it')
    .option('-l, --list <file>', 'fetch what this file lists: names, or lines that put printed')
    .option('-P, --parents', 'keep the folders in names (with --list they are kept)')
    .addOption(new Option('-r, --recursive').hideHelp())
    .addOption(jobsOption(4))
    .option('--json', 'print a JSON object for each file')
    .option('-q, --quiet', 'no progress')
    .addHelpText('after', HELP)
    .action(get)
  return addConnectionOptions(command)
}

const HELP = `
A file gets its name only when it is complete and its SHA-256 is right; until then its bytes are in
a hidden file in the same folder. Prints the SHA-256 and the path of each file, as sha256sum does.

A cache keeps no list of its files, so a folder cannot be fetched by its name alone: keep what
put -r prints, and pass it to --list.

Examples:
  blobcached get report.pdf                        to report.pdf
  blobcached get 2024/report.pdf -o latest.pdf -f  to another file, whatever it held
  blobcached get src.tar -o - | tar x              fails if a byte is wrong
  blobcached get -c disk.img                       resumes an interrupted download
  blobcached get --list SUMS -o restored           what blobcached put -r . > SUMS stored`

async function get(refs: string[], options: GetCommandOptions): Promise<void> {
  if (options.recursive) {
    throw new UsageError(
      'a cache keeps no list of its files, so there is no get -r; put -r prints what it stored, ' +
        'and get --list fetches that',
    )
  }
  const report = new Report({ ...options, quiet: options.quiet || options.output === '-' })
  const items = await planGet(refs, options)
  await withServer(options, report, async (server) => {
    await report.progress.start()
    try {
      const jobs = options.output === '-' ? 1 : options.jobs
      const { signal } = server
      await forEach(items, { jobs, signal, report }, (item) =>
        getOne(server, item, options, report),
      )
    } finally {
      report.progress.stop()
    }
  })
}

async function getOne(
  server: RemoteServer,
  item: GetItem,
  options: GetCommandOptions,
  report: Report,
) {
  const { ref, label, target, path } = item
  report.progress.label(label)
  const common = { server, ref, label, progress: report.progress }
  if (target === '-') {
    await new Download({ ...common, sink: writerTo(process.stdout) }).run()
    return
  }
  const done = item.isStream
    ? await toStream(createWriteStream(target), common)
    : await toFile(item, options, common)
  report.result(`${done.hash}  ${path}`, {
    path,
    name: ref.name,
    hash: done.hash,
    size: done.size,
  })
}

async function toStream(
  stream: Writable,
  common: Omit<DownloadOptions, 'sink'>,
): Promise<Downloaded> {
  const done = await new Download({ ...common, sink: writerTo(stream) }).run()
  await new Promise<void>((resolve) => stream.end(resolve))
  return done
}

async function toFile(
  { ref, target, path }: GetItem,
  options: GetCommandOptions,
  common: Omit<DownloadOptions, 'sink'>,
): Promise<Downloaded> {
  const overwrite = options.force === true
  if (!overwrite && (await exists(target))) throw existsError(path)
  await mkdir(dirname(target), { recursive: true })
  const hash = options.continue ? await hashNow(common.server, ref) : undefined
  const part = hash === undefined ? undefined : partOf(target, hash)
  const old = part === undefined ? undefined : await DownloadFile.takeOver(target, part)
  const file = old ?? (await DownloadFile.create(target))
  try {
    const begun = old && hash ? { hash, ...(await old.begun()) } : undefined
    const done = await new Download({ ...common, sink: file, begun }).run()
    if (done.wasCut) await file.check(done.hash)
    await file.finish({ overwrite })
    return done
  } catch (error) {
    await file.abandon(part)
    throw error
  }
}
