import { Command } from 'commander'
import { pathOf, withQuery } from '../../api/paths.ts'
import type { ReceiptJson } from '../../api/receipt.ts'
import { hashNow, parseRef } from '../client/remote-file.ts'
import { UsageError } from '../exit-codes.ts'
import { Report } from '../terminal/report.ts'
import { sumLine } from '../transfer/list.ts'
import {
  addConnectionOptions,
  type ConnectionOptions,
  ttlOption,
  withServer,
} from './connection.ts'

interface LinkCommandOptions extends ConnectionOptions {
  ttl?: number
  type?: string
  json?: boolean
}

export function linkCommand(): Command {
  const command = new Command('link')
    .description('give another name to content that is stored, without sending it')
    .argument('<file>', 'name or content hash')
    .argument('<name>', 'the name it gets')
    .addOption(ttlOption())
    .option('--type <type>', 'media type to keep with the name')
    .option('--json', 'print a JSON object')
    .addHelpText('after', HELP)
    .action(link)
  return addConnectionOptions(command)
}

const HELP = `
Examples:
  blobcached link report-7.pdf latest.pdf
  blobcached link 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 release.tar --ttl 30d`

async function link(file: string, name: string, options: LinkCommandOptions): Promise<void> {
  const report = new Report(options)
  if (name === '') throw new UsageError('a name must not be empty')
  await withServer(options, report, async (server) => {
    const from = await hashNow(server, parseRef(file))
    const receipt = await server.json<ReceiptJson>({
      method: 'PUT',
      path: withQuery(pathOf({ name }), { from, ttl: options.ttl }),
      headers: options.type === undefined ? {} : { 'content-type': options.type },
    })
    report.result(sumLine(receipt.hash, name), { ...receipt, name })
  })
}
