#!/usr/bin/env node
import { existsSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { VERSION } from '../version.ts'
import { exitCodeOf, ToldError } from './exit-codes.ts'
import { printError } from './terminal/colors.ts'
import { isClosedPipe, outputWritten, watchOutput } from './terminal/failure.ts'
import { endInterrupted, InterruptedError } from './terminal/interruption.ts'

/** Loads a command, and what it imports, only if it is needed. */
const COMMANDS: Record<string, (program: Command) => Promise<Command>> = {
  serve: async () => (await import('./commands/serve.ts')).serveCommand(),
  put: async () => (await import('./commands/put.ts')).putCommand(),
  get: async () => (await import('./commands/get.ts')).getCommand(),
  fetch: async () => (await import('./commands/fetch.ts')).fetchCommand(),
  stat: async () => (await import('./commands/stat.ts')).statCommand(),
  verify: async () => (await import('./commands/verify.ts')).verifyCommand(),
  link: async () => (await import('./commands/link.ts')).linkCommand(),
  repair: async () => (await import('./commands/repair.ts')).repairCommand(),
  missing: async () => (await import('./commands/missing.ts')).missingCommand(),
  fleet: async () => (await import('./commands/fleet.ts')).fleetCommand(),
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

const program = new Command('blobcached')
  .description('Files in memcached, every byte verified before it leaves')
  .version(VERSION)
  .configureHelp({ showGlobalOptions: true })

for (const name of neededFor(process.argv[2] ?? '')) {
  program.addCommand(await COMMANDS[name]!(program))
}
for (const command of [program, ...program.commands]) command.exitOverride()

watchOutput()

try {
  await program.parseAsync()
  await outputWritten()
} catch (error) {
  process.exitCode = exitCodeOf(error)
  if (error instanceof InterruptedError) endInterrupted(error)
  if (!isPrinted(error)) printError(error)
  if (process.exitCode === 2) explainDashes(process.argv.slice(2))
  if (process.exitCode === 0) await outputWritten().catch(fail) // Help was printed.
}

function fail(error: unknown): void {
  process.exitCode = 1
  printError(error)
}

/** Commander prints its own errors; a closed pipe is not worth a message. */
function isPrinted(error: unknown): boolean {
  if (error instanceof CommanderError || error instanceof ToldError) return true
  return isClosedPipe(error)
}

/** Says how to name a file that begins with a dash, which is taken for a flag. */
function explainDashes([command, ...args]: readonly string[]): void {
  const flagLike = args.slice(0, [...args, '--'].indexOf('--'))
  if (command === 'put') {
    const file = flagLike.find((arg) => arg.startsWith('-') && arg !== '-' && existsSync(arg))
    if (file !== undefined) printError(new Error(`the file ${file} is ./${file} here`))
  } else if (flagLike.some((arg) => /^-[^-]./.test(arg))) {
    printError(new Error(`a name that begins with a dash comes after --, as in: -- -name`))
  }
}
