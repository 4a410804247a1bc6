#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { complain } from './complain.ts'
import { completionCommand } from './completion.ts'
import { exitCodeOf, ToldError } from './exit-codes.ts'

/** Each brings along what it needs: the server no client, and the client no server. */
const COMMANDS: Record<string, () => Promise<Command>> = {
  serve: async () => (await import('./serve.ts')).serveCommand(),
  put: async () => (await import('./put.ts')).putCommand(),
  get: async () => (await import('./get.ts')).getCommand(),
  stat: async () => (await import('./stat.ts')).statCommand(),
  verify: async () => (await import('./verify.ts')).verifyCommand(),
  rm: async () => (await import('./rm.ts')).rmCommand(),
}

const { version } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
) as { version: string }

const program = new Command('blobcached')
  .description('Files in memcached, every byte verified before it leaves')
  .version(version)
  .configureHelp({ showGlobalOptions: true })

const [given = ''] = process.argv.slice(2)
const needed = Object.hasOwn(COMMANDS, given) ? [given] : Object.keys(COMMANDS)
for (const name of needed) program.addCommand(await COMMANDS[name]!())
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
