#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { completionCommand } from './completion.ts'
import { exitCodeOf, ToldError } from './exit-codes.ts'
import { getCommand } from './get.ts'
import { putCommand } from './put.ts'
import { complain } from './report.ts'
import { rmCommand } from './rm.ts'
import { serveCommand } from './serve.ts'
import { statCommand } from './stat.ts'
import { verifyCommand } from './verify.ts'

const { version } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
) as { version: string }

const program = new Command('blobcached')
  .description('Files in memcached, every byte verified before it leaves')
  .version(version)
  .addCommand(serveCommand())
  .addCommand(putCommand())
  .addCommand(getCommand())
  .addCommand(statCommand())
  .addCommand(verifyCommand())
  .addCommand(rmCommand())
  .configureHelp({ showGlobalOptions: true })

program.addCommand(completionCommand(program))
for (const command of [program, ...program.commands]) command.exitOverride()

// Whoever reads our output may have had enough of it; a write that matters fails by itself.
process.stdout.on('error', () => {})

try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = exitCodeOf(error)
  if (!isTold(error)) complain(error)
}

/** Commander prints its own errors; a broken pipe is nobody's mistake. */
function isTold(error: unknown): boolean {
  if (error instanceof CommanderError || error instanceof ToldError) return true
  return (error as { code?: unknown }).code === 'EPIPE'
}
