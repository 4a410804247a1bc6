import { Command } from 'commander'
import prettyBytes from 'pretty-bytes'
import type { State, Verification } from '../index.ts'
import { chunkMap, GLYPHS } from './chunk-map.ts'
import type { Client } from './client/client.ts'
import { type RemoteRef, remoteRef } from './client/refs.ts'
import { colorsFor } from './colors.ts'
import {
  addConnectionOptions,
  type ConnectionOptions,
  jobsOption,
  withClient,
} from './connection.ts'
import { forEach } from './each.ts'
import { ToldError } from './exit-codes.ts'
import { Report } from './report.ts'

interface VerifyCommandOptions extends ConnectionOptions {
  jobs: number
  json?: boolean
  quiet?: boolean
}

export function verifyCommand(): Command {
  const command = new Command('verify')
    .description('have every chunk of a file read and checked')
    .argument('<file...>', 'names or content hashes')
    .addOption(jobsOption(2))
    .option('--json', 'print a JSON object for each file')
    .option('-q, --quiet', 'print only what is not intact')
    .addHelpText('after', HELP)
    .action(verify)
  return addConnectionOptions(command)
}

const HELP = `
Shows a map of the chunks, in order: ${GLYPHS.intact} intact, ${GLYPHS.evicted} evicted, ${GLYPHS.corrupt} corrupt. Uploading the file again with
put --force repairs both. Exits with 0 when all is intact, 3 when something is gone, 4 when
something is wrong.

Examples:
  blobcached verify report.pdf
  blobcached verify --json disk.img | jq .counts
  cut -c 67- SUMS | xargs -d '\\n' blobcached verify -q`

/** Glyphs in a row of the map, where the terminal has room for them. */
const MAX_WIDTH = 64
const EXIT_CODES: Record<State, number> = { intact: 0, evicted: 3, corrupt: 4 }

async function verify(refs: string[], options: VerifyCommandOptions): Promise<void> {
  const report = new Report(options)
  const states = { intact: 0, evicted: 0, corrupt: 0 }
  const work = async (client: Client) =>
    forEach(refs, { jobs: options.jobs, signal: client.signal, report }, async (text) => {
      const ref = remoteRef(text)
      const found = await client.json<Verification>({ path: healthPath(ref) })
      states[found.state]++
      if (!options.quiet || found.state !== 'intact') {
        report.result(describe(ref, found), { file: text, ...found })
      }
      if (found.state !== 'intact') throw new ToldError(found.state, EXIT_CODES[found.state])
    })
  try {
    await withClient(options, report, work)
  } finally {
    if (refs.length > 1 && !options.json) summarize(refs.length, states)
  }
}

function healthPath({ path, hash }: RemoteRef): string {
  return hash === undefined ? `${path}?health` : `${path}/health`
}

function describe(ref: RemoteRef, found: Verification): string {
  const colors = colorsFor(process.stdout)
  const width = Math.min(MAX_WIDTH, Math.max(8, (process.stdout.columns || 80) - 2))
  const { rows, chunksPerGlyph } = chunkMap(found, width, colors)
  const paint = { intact: colors.green, evicted: colors.yellow, corrupt: colors.red }
  const each = chunksPerGlyph > 1 ? `, ${chunksPerGlyph} a glyph` : ''
  const size = `${prettyBytes(found.size)} in ${found.chunks.length} chunks${each}`
  return [
    `${colors.bold(ref.text)}  ${paint[found.state](found.state)}`,
    ...(ref.hash === undefined ? [`  ${found.hash}`] : []),
    ...rows.map((row) => `  ${row}`),
    `  ${size}: ${counted(found.counts)}`,
  ].join('\n')
}

function summarize(total: number, states: Record<State, number>): void {
  const failed = total - states.intact - states.evicted - states.corrupt
  const rest = failed > 0 ? `, ${failed} without an answer` : ''
  process.stdout.write(`${total} files: ${counted(states)}${rest}\n`)
}

function counted({ intact, evicted, corrupt }: Record<State, number>): string {
  return `${intact} intact, ${evicted} evicted, ${corrupt} corrupt`
}
