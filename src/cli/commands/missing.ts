import { Command } from 'commander'
import { MAX_HASHES } from '../../api/missing.ts'
import { isOutage, RemoteError } from '../client/remote-error.ts'
import { hashNow } from '../client/remote-file.ts'
import type { RemoteServer } from '../client/remote-server.ts'
import { ToldError } from '../exit-codes.ts'
import { printable } from '../terminal/printable.ts'
import { Report } from '../terminal/report.ts'
import { askMissing } from '../transfer/ask-missing.ts'
import { type Listed, listed, sumLine } from '../transfer/list.ts'
import {
  addConnectionOptions,
  type ConnectionOptions,
  listOption,
  told,
  withServer,
} from './connection.ts'
import { type ForEachOptions, forEach } from './for-each.ts'

interface MissingCommandOptions extends ConnectionOptions {
  list?: string
  json?: boolean
}

export function missingCommand(): Command {
  const command = new Command('missing')
    .description('print which files the server cannot serve')
    .argument('[file...]', 'names or content hashes')
    .addOption(listOption('ask about'))
    .option('--json', 'print a JSON object for each that is missing')
    .addHelpText('after', HELP)
    .action(missing)
  return addConnectionOptions(command)
}

const HELP = `
Asking extends the life of those that are there. A name is missing too when there is no file of that
name. Exits with 0 when all are there, 3 when one is missing.

Examples:
  blobcached missing --list SUMS
  sha256sum * | blobcached missing --list -`

const JOBS = 4

async function missing(refs: string[], options: MissingCommandOptions): Promise<void> {
  const report = new Report(options)
  const items = await told(report, listed(refs, options.list))
  let count = 0
  let exitCode = 0
  await withServer(options, report, async (server) => {
    const { signal } = server
    const asking = new Asking(server, { jobs: JOBS, signal, report, labelOf: ({ name }) => name })
    for (let start = 0; start < items.length; start += MAX_HASHES) {
      for (const item of await asking.missing(items.slice(start, start + MAX_HASHES))) {
        count++
        report.result(describe(item), item)
      }
    }
    exitCode = asking.exitCode
  })
  if (count > 0) exitCode = Math.max(exitCode, 3)
  if (exitCode > 0) throw new ToldError(`${count} of ${items.length} are missing`, exitCode)
}

interface MissingItem {
  /** `undefined` for a name that leads to no content. */
  hash?: string
  /** `undefined` for content that was asked for by its hash alone. */
  name?: string
}

/** Asks the server, and names each file about which it cannot tell. */
class Asking {
  readonly #server: RemoteServer
  readonly #how: ForEachOptions<Listed>
  /** The highest of those of the files that failed; 0 if none did. */
  exitCode = 0

  constructor(server: RemoteServer, how: ForEachOptions<Listed>) {
    this.#server = server
    this.#how = how
  }

  /** Resolves with those of the files that the server cannot serve, in their order. */
  async missing(items: readonly Listed[]): Promise<MissingItem[]> {
    const found = new Map<Listed, MissingItem>()
    await this.#each(items, async (item) => {
      found.set(item, await resolved(this.#server, item))
    })
    const gone = await this.#gone(found)
    return items.flatMap((item) => {
      const { hash } = found.get(item) ?? {}
      return found.has(item) && (hash === undefined || gone.has(hash)) ? found.get(item)! : []
    })
  }

  /** The hashes that are gone: with one request, or one for each if the server cannot tell of all. */
  async #gone(found: ReadonlyMap<Listed, MissingItem>): Promise<ReadonlySet<string>> {
    const hashes = [...found.values()].flatMap(({ hash }) => hash ?? [])
    if (hashes.length === 0) return new Set()
    try {
      return new Set(await askMissing(this.#server, hashes))
    } catch (error) {
      if (!isOutage(error)) throw error
    }
    const gone = new Set<string>()
    await this.#each([...found.keys()], async (item) => {
      const { hash } = found.get(item)!
      if (hash === undefined) return
      for (const missing of await askMissing(this.#server, [hash])) gone.add(missing)
    })
    return gone
  }

  async #each(items: readonly Listed[], work: (item: Listed) => Promise<void>): Promise<void> {
    try {
      await forEach(items, this.#how, work)
    } catch (error) {
      if (!(error instanceof ToldError)) throw error
      this.exitCode = Math.max(this.exitCode, error.exitCode)
    }
  }
}

async function resolved(server: RemoteServer, { ref, name }: Listed): Promise<MissingItem> {
  if (ref.hash !== undefined) return { hash: ref.hash, ...(name !== ref.hash && { name }) }
  try {
    return { hash: await hashNow(server, ref), name }
  } catch (error) {
    if (error instanceof RemoteError && error.reason === 'not-found') return { name }
    throw error
  }
}

function describe({ hash, name = '' }: MissingItem): string {
  if (hash === undefined) return printable(name)
  return name === '' ? hash : printable(sumLine(hash, name))
}
