import { createWriteStream } from 'node:fs'
import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Writable } from 'node:stream'
import { Command, Option } from 'commander'
import type { Client } from './client/client.ts'
import { hashNow } from './client/hash-now.ts'
import {
  addConnectionOptions,
  type ConnectionOptions,
  jobsOption,
  withClient,
} from './connection.ts'
import { Download, type Downloaded, type DownloadOptions } from './download.ts'
import { alreadyThere, DownloadFile, partOf } from './download-file.ts'
import { forEach } from './each.ts'
import { UsageError } from './exit-codes.ts'
import { type GetItem, planGet } from './get-plan.ts'
import { Report } from './report.ts'
import { writerTo } from './writable-sink.ts'

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
    .option('-f, --force', 'overwrite files that are there')
    .option('-c, --continue', 'keep what came of a download that breaks off, and go on from there')
    .option('-l, --list <file>', 'fetch what this file lists, a name or a line of put each')
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
A file gets its name only when it is whole and its SHA-256 is right; until then it is a hidden file
beside it. Prints the SHA-256 and the path of each file, as sha256sum does.

A cache keeps no list of what it holds, so a folder cannot be fetched by its name alone: keep what
put -r prints, and give it to --list.

Examples:
  blobcached get report.pdf                        to report.pdf
  blobcached get 2024/report.pdf -o latest.pdf -f  to another file, whatever it held
  blobcached get src.tar -o - | tar x              nothing is written unless all of it is right
  blobcached get -c disk.img                       goes on where the last one broke off
  blobcached get --list SUMS -o restored           what blobcached put -r . > SUMS stored`

async function get(refs: string[], options: GetCommandOptions): Promise<void> {
  if (options.recursive) {
    throw new UsageError(
      'a cache keeps no list of what it holds, so there is no get -r; put -r prints what it stored, ' +
        'and get --list fetches that',
    )
  }
  const report = new Report({ ...options, quiet: options.quiet || options.output === '-' })
  const items = await planGet(refs, options)
  await withClient(options, report, async (client) => {
    report.progress.start()
    try {
      const jobs = options.output === '-' ? 1 : options.jobs
      const { signal } = client
      await forEach(items, { jobs, signal, report }, (item) =>
        getOne(client, item, options, report),
      )
    } finally {
      report.progress.stop()
    }
  })
}

async function getOne(client: Client, item: GetItem, options: GetCommandOptions, report: Report) {
  const { ref, target, path } = item
  report.progress.label(ref.text)
  const common = { client, ref, progress: report.progress }
  if (target === '-') {
    await new Download({ ...common, sink: writerTo(process.stdout) }).run()
    return
  }
  const done = item.isStream
    ? await toStream(createWriteStream(target), common)
    : await toFile(item, options, common)
  report.result(`${done.hash}  ${path}`, {
    path,
    name: ref.hash ? undefined : ref.text,
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
  if (!overwrite && (await isThere(target))) throw alreadyThere(path)
  await mkdir(dirname(target), { recursive: true })
  const hash = options.continue ? await hashNow(common.client, ref) : undefined
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

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
