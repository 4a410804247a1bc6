import { createReadStream } from 'node:fs'
import { mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Command, Option } from 'commander'
import { Digest } from '../../digest.ts'
import { orAborted } from '../../or-aborted.ts'
import { hashIfTold } from '../client/remote-file.ts'
import type { RemoteServer } from '../client/remote-server.ts'
import { UsageError } from '../exit-codes.ts'
import { isClosedPipe, outputError, withPath } from '../terminal/failure.ts'
import { Report } from '../terminal/report.ts'
import { Download, type Downloaded, type DownloadOptions, sinkOf } from '../transfer/download.ts'
import { DownloadFile, ExistsError, partOf, removePart } from '../transfer/download-file.ts'
import { type GetItem, planGet } from '../transfer/get-plan.ts'
import { sumLine } from '../transfer/list.ts'
import {
  addConnectionOptions,
  type ConnectionOptions,
  jobsOption,
  listOption,
  told,
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
    .addOption(listOption('fetch'))
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
A file that is there with the right content is left alone, so a list that was interrupted can be
fetched again. A file gets its name only when it is complete and its SHA-256 is right; until then
its bytes are in a hidden file in the same folder. Prints the SHA-256 and the path of each file, as
sha256sum does.

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
  const items = await told(report, planGet(refs, options))
  await withServer(options, report, async (server) => {
    await report.progress.start(0, items.length)
    try {
      const jobs = options.output === '-' ? 1 : options.jobs
      const { signal } = server
      const labelOf = ({ label }: GetItem) => label
      await forEach(items, { jobs, signal, report, labelOf }, async (item) => {
        await getOne(server, item, options, report).catch((error) => {
          throw withPath(item.path, error)
        })
        report.progress.fileDone()
      })
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
  if (item.failure !== undefined) throw item.failure
  report.progress.label(label)
  const common = { server, ref, label, progress: report.progress }
  if (target === '-') {
    const sink = sinkOf((bytes) => orAborted(print(bytes), server.signal))
    await new Download({ ...common, sink }).run()
    return
  }
  const { hash, size, skipped } = item.isStream
    ? await toStream(target, common)
    : await toFile(item, options, common)
  if (!item.isStream) await removePart(target, hash)
  report.result(sumLine(hash, path), { path, name: ref.name, hash, size, skipped })
}

function print(bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(bytes, (error) => {
      if (!error) resolve()
      else reject(isClosedPipe(error) ? error : outputError(error))
    })
  })
}

/** `skipped` is set where the file was there. */
type Gotten = Omit<Downloaded, 'wasCut'> & { skipped?: true }

/** Writes to a device or a pipe. */
async function toStream(target: string, common: Omit<DownloadOptions, 'sink'>): Promise<Gotten> {
  const { signal } = common.server
  // To open a pipe may take for ever.
  const file = await orAborted(open(target, 'w'), signal)
  try {
    const sink = sinkOf((bytes) => orAborted(file.appendFile(bytes), signal))
    return await new Download({ ...common, sink }).run()
  } finally {
    await orAborted(file.close(), signal) // It waits for writes.
  }
}

async function toFile(
  { ref, target, path, isThere }: GetItem,
  options: GetCommandOptions,
  common: Omit<DownloadOptions, 'sink'>,
): Promise<Gotten> {
  const overwrite = options.force === true
  const isHashNeeded = isThere || options.continue
  const hash = isHashNeeded ? await hashIfTold(common.server, ref) : undefined
  if (isThere) {
    const found = await digestOf(target, common)
    if (found.hash === hash) return { ...found, skipped: true }
    if (!overwrite) throw new ExistsError(path)
  }
  await mkdir(dirname(target), { recursive: true })
  const part = hash === undefined || !options.continue ? undefined : partOf(target, hash)
  const old = part === undefined ? undefined : await DownloadFile.takeOver(target, part)
  const file = old ?? (await DownloadFile.create(target))
  try {
    const begun = old && hash ? { hash, ...(await old.begun()) } : undefined
    const done = await new Download({ ...common, sink: file, begun }).run()
    if (done.wasCut) await file.check(done.hash)
    return await named(file, target, done, overwrite, common)
  } catch (error) {
    await file.abandon(part)
    throw error
  }
}

/** Gives a file that is complete its name, unless another `get` has put the same content there. */
async function named(
  file: DownloadFile,
  target: string,
  { hash, size }: Downloaded,
  overwrite: boolean,
  common: Omit<DownloadOptions, 'sink'>,
): Promise<Gotten> {
  try {
    await file.finish({ overwrite })
    return { hash, size }
  } catch (error) {
    if (!(error instanceof ExistsError)) throw error
    const found = await digestOf(target, common).catch(() => undefined)
    if (found?.hash !== hash) throw error
    await file.abandon(undefined)
    return { hash, size, skipped: true }
  }
}

/** Hashes a local file. */
async function digestOf(
  path: string,
  { server, progress }: Omit<DownloadOptions, 'sink'>,
): Promise<{ hash: string; size: number }> {
  const digest = Digest.stream()
  let size = 0
  for await (const piece of createReadStream(path) as AsyncIterable<Buffer>) {
    server.signal.throwIfAborted()
    digest.update(piece)
    size += piece.length
    progress.check(piece.length)
  }
  progress.check(-size)
  return { hash: digest.digest().hex, size }
}
