#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { exitCodeOf, ToldError } from './exit-codes.ts'
import { printError } from './terminal/colors.ts'

/** Loads a command, and what it imports, only if it is needed. */
const COMMANDS: Record<string, (program: Command) => Promise<Command>> = {
  serve: async () => (await import('./commands/serve.ts')).serveCommand(),
  put: async () => (await import('./commands/put.ts')).putCommand(),
  get: async () => (await import('./commands/get.ts')).getCommand(),
  stat: async () => (await import('./commands/stat.ts')).statCommand(),
  verify: async () => (await import('./commands/verify.ts')).verifyCommand(),
  rm: async () => (await import('./commands/rm.ts')).rmCommand(),
  completion: async (program) =>
    (await import('./commands/completion.ts')).completionCommand(program),
}

/** Help and `completion` need all commands, `--version` none. */
function neededFor(argument: string): string[] {
  if (argument === '--version' || argument === '-V') return []
  const isOne = Object.hasOwn(COMMANDS, argument) && argument !== 'completion'
  return isOne ? [argument] : Object.keys(COMMANDS)
}

const { version } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
) as { version: string }

const program = new Command('blobcached')
  .description('Files in memcached, every byte verified before it leaves')
  .version(version)
  .configureHelp({ showGlobalOptions: true })

for (const name of neededFor(process.argv[2] ?? '')) {
  program.addCommand(await COMMANDS[name]!(program))
}
for (const command of [program, ...program.commands]) command.exitOverride()

// A reader such as `head` may stop reading early. A write that matters rejects by itself.
process.stdout.on('error', () => {})

try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = exitCodeOf(error)
  if (!isPrinted(error)) printError(error)
}

/** Commander prints its own errors; a closed pipe is not worth a message. */
function isPrinted(error: unknown): boolean {
  if (error instanceof CommanderError || error instanceof ToldError) return true
  return (error as { code?: unknown }).code === 'EPIPE'
}
