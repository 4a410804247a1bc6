#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { BlobcachedError } from '../index.ts'
import { serveCommand } from './serve.ts'

/** 0 done, 2 usage, 3 not there, 4 corrupt, 5 unreachable, 1 anything else. */
const EXIT_CODES: Record<string, number> = {
  'bad-request': 2,
  'not-found': 3,
  evicted: 3,
  corrupt: 4,
  unavailable: 5,
}

const { version } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
) as { version: string }

const program = new Command('blobcached')
  .description('Files in memcached, every byte verified before it leaves')
  .version(version)
  .addCommand(serveCommand())
  .configureHelp({ showGlobalOptions: true })

for (const command of [program, ...program.commands]) command.exitOverride()

try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = report(error)
}

function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  console.error(`blobcached: ${error instanceof Error ? error.message : error}`)
  return error instanceof BlobcachedError ? (EXIT_CODES[error.code] ?? 1) : 1
}
