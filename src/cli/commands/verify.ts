import { Command } from 'commander'
import prettyBytes from 'pretty-bytes'
import type { HealthJson } from '../../api/chunks.ts'
import { aspectPathOf } from '../../api/paths.ts'
import type { RemoteServer } from '../client/remote-server.ts'
import { exitCodeFor, exitCodeOf, ToldError } from '../exit-codes.ts'
import { chunkMap, GLYPHS, paintFor } from '../terminal/chunk-map.ts'
import { colorsFor } from '../terminal/colors.ts'
import { printable } from '../terminal/printable.ts'
import { Report } from '../terminal/report.ts'
import { type Listed, listed } from '../transfer/list.ts'
import {
  addConnectionOptions,
  type ConnectionOptions,
  jobsOption,
  listOption,
  told,
} from './connection.ts'
import { forEachListed } from './for-each.ts'

interface VerifyCommandOptions extends ConnectionOptions {
  list?: string
  jobs: number
  json?: boolean
  quiet?: boolean
}

export function verifyCommand(): Command {
  const command = new Command('verify')
    .description('read and check every chunk of a file, on the server')
    .argument('[file...]', 'names or content hashes')
    .addOption(listOption('check'))
    .addOption(jobsOption(2))
    .option('--json', 'print a JSON object for each file')
    .option('-q, --quiet', 'print only files that are not intact')
    .addHelpText('after', HELP)
    .action(verify)
  return addConnectionOptions(command)
}

const HELP = `
Shows a map of the chunks, in order: ${GLYPHS.intact} intact, ${GLYPHS.evicted} evicted, ${GLYPHS.corrupt} corrupt. Uploading the file again with
put --force repairs both. Exits with 0 when all chunks are intact, 3 when one is evicted, 4 when
one is corrupt.

Examples:
  blobcached verify report.pdf
  blobcached verify --json disk.img | jq .counts
  blobcached verify -q --list SUMS                 of what blobcached put -r . > SUMS stored`

/** Glyphs in a row of the map at most; fewer on a narrow terminal. */
const MAX_WIDTH = 64

async function verify(refs: string[], options: VerifyCommandOptions): Promise<void> {
  const report = new Report(options)
  const items = await told(report, listed(refs, options.list))
  const { jobs } = options
  const tally = { states: { intact: 0, evicted: 0, corrupt: 0 }, asked: 0, notFound: 0 }
  const work = async ({ ref, name: text }: Listed, server: RemoteServer) => {
    tally.asked++
    const path = aspectPathOf(ref, 'health')
    const found = await server.json<HealthJson>({ path }).catch((error) => {
      if (exitCodeOf(error) === exitCodeFor('not-found')) tally.notFound++
      throw error
    })
    tally.states[found.state]++
    if (!options.quiet || found.state !== 'intact') {
      report.result(describe(text, found), { file: text, ...found })
    }
    if (found.state !== 'intact') throw new ToldError(found.state, exitCodeFor(found.state))
  }
  try {
    await forEachListed(items, options, { jobs, report }, work)
  } finally {
    if (items.length > 1 && !options.json) summarize(report, items.length, tally)
  }
}

function describe(text: string, found: HealthJson): string {
  const colors = colorsFor(process.stdout)
  const width = Math.min(MAX_WIDTH, Math.max(8, (process.stdout.columns || 80) - 2))
  const { rows, chunksPerGlyph } = chunkMap(found, width, colors)
  const each = chunksPerGlyph > 1 ? `, ${chunksPerGlyph} a glyph` : ''
  const size = `${prettyBytes(found.size)} in ${found.chunks.length} chunks${each}`
  return [
    `${colors.bold(printable(text))}  ${paintFor(colors)[found.state](found.state)}`,
    ...(text === found.hash ? [] : [`  ${found.hash}`]),
    ...rows.map((row) => `  ${row}`),
    `  ${size}: ${counted(found.counts)}`,
  ].join('\n')
}

/** What became of the files that were asked about. */
interface Tally {
  states: HealthJson['counts']
  asked: number
  notFound: number
}

function summarize(report: Report, total: number, { states, asked, notFound }: Tally): void {
  const found = states.intact + states.evicted + states.corrupt
  const rest = {
    'not found': notFound,
    'without an answer': asked - found - notFound,
    'not asked': total - asked,
  }
  const others = Object.entries(rest).map(([what, count]) =>
    count > 0 ? `, ${count} ${what}` : '',
  )
  report.result(`${total} files: ${counted(states)}${others.join('')}`, {})
}

function counted({ intact, evicted, corrupt }: HealthJson['counts']): string {
  return `${intact} intact, ${evicted} evicted, ${corrupt} corrupt`
}
