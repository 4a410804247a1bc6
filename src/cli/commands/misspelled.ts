import { Command } from 'commander'
import { nearest } from '../../known-names.ts'

const PREFIX = 'BLOBCACHED_'
/** What only the commands that talk to a server read. */
const OF_CLIENTS = ['SERVER', 'CACERT']

/**
 * Warns of environment variables that are probably misspelled settings. What is like none of them may
 * belong to something else: Kubernetes sets `BLOBCACHED_SERVICE_HOST` where a service has that name.
 */
export async function warnOfMisspelled(
  environment: NodeJS.ProcessEnv,
  commands: readonly Command[],
): Promise<void> {
  const own = settingsOf(commands)
  const others = Object.keys(environment).filter(
    (name) => name.startsWith(PREFIX) && !own.includes(name.slice(PREFIX.length)),
  )
  if (others.length === 0) return
  const { declareSettings } = await import('../serve/settings.ts') // Those of the server are known too.
  const known = [...own, ...OF_CLIENTS, ...settingsOf([declareSettings(new Command())])]
  for (const name of others) {
    const meant = known.includes(name.slice(PREFIX.length))
      ? undefined
      : nearest(name.slice(PREFIX.length), known)
    if (meant !== undefined) {
      console.error(`blobcached: ${name} is not a setting; did you mean ${PREFIX}${meant}?`)
    }
  }
}

/** The environment variables of the options, without the prefix. */
function settingsOf(commands: readonly Command[]): string[] {
  return commands.flatMap(({ options }) =>
    options.flatMap(({ envVar }) => envVar?.slice(PREFIX.length) ?? []),
  )
}
