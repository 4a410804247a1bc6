import { Command } from 'commander'
import prettyBytes from 'pretty-bytes'
import prettyMs from 'pretty-ms'
import type { FleetJson, ServerJson } from '../../api/fleet.ts'
import { FLEET } from '../../api/paths.ts'
import { ToldError } from '../exit-codes.ts'
import { colorsFor } from '../terminal/colors.ts'
import { Report } from '../terminal/report.ts'
import { addConnectionOptions, type ConnectionOptions, withServer } from './connection.ts'

interface FleetCommandOptions extends ConnectionOptions {
  json?: boolean
}

export function fleetCommand(): Command {
  const command = new Command('fleet')
    .description('show the memcached servers: up or down, how full, hits and evictions')
    .option('--json', 'print a JSON object')
    .addHelpText('after', HELP)
    .action(fleet)
  return addConnectionOptions(command)
}

const HELP = `
Exits with 0 when all are up, 5 when any is down.

Examples:
  blobcached fleet
  blobcached fleet --json | jq '.servers[] | select(.up | not)'`

async function fleet(options: FleetCommandOptions): Promise<void> {
  const report = new Report(options)
  const found = await withServer(options, report, (server) =>
    server.json<FleetJson>({ path: FLEET }),
  )
  report.result(describe(found), found)
  if (!found.servers.every(({ up }) => up)) throw new ToldError('a server is down', 5)
}

const HEADINGS = ['server', 'state', 'used', 'items', 'hits', 'evictions', 'usual', 'up for']

function describe({ servers, memory, maxFileSize }: FleetJson): string {
  const rows = [HEADINGS, ...servers.map(rowOf)]
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  const { green, red } = colorsFor(process.stdout)
  const lines = rows.map((row, index) => {
    const cells = row.map((cell, column) => {
      const padded = cell.padEnd(widths[column]!)
      if (index === 0 || column !== 1) return padded
      return cell === 'up' ? green(padded) : red(padded)
    })
    return cells.join('  ').trimEnd()
  })
  const waiting = memory.waiting === 0 ? '' : `, ${memory.waiting} requests wait for some`
  lines.push(`requests hold ${prettyBytes(memory.used)} of ${prettyBytes(memory.total)}${waiting}`)
  if (maxFileSize !== undefined) lines.push(`files have up to ${prettyBytes(maxFileSize)}`)
  for (const { server, error } of servers) if (error) lines.push(`${server}: ${error}`)
  return lines.join('\n')
}

/** A figure that the server does not tell is a dash. */
function rowOf(server: ServerJson): string[] {
  const told = <T>(value: T | undefined, show: (value: T) => string) =>
    value === undefined ? '-' : show(value)
  const count = (value: number) => value.toLocaleString('en')
  const { bytes, limitBytes, hits, misses, usualSeconds, uptimeSeconds } = server
  const reads = (hits ?? 0) + (misses ?? 0)
  return [
    server.server,
    server.up ? 'up' : 'down',
    told(
      bytes,
      (value) => prettyBytes(value) + (limitBytes ? ` of ${prettyBytes(limitBytes)}` : ''),
    ),
    told(server.items, count),
    reads === 0 ? '-' : `${Math.floor((100 * (hits ?? 0)) / reads)}%`,
    told(server.evictions, count),
    told(usualSeconds, (value) =>
      prettyMs(value * 1000, { formatSubMilliseconds: true, unitCount: 1 }),
    ),
    told(uptimeSeconds, (value) =>
      prettyMs(value * 1000, { unitCount: 2, secondsDecimalDigits: 0 }),
    ),
  ]
}
