import { Command } from 'commander'
import { declareSettings, namesOf, type ServeSettings } from '../serve/settings.ts'

export function serveCommand(): Command {
  return declareSettings(new Command('serve'))
    .description('start the HTTP server')
    .addHelpText('after', HELP)
    .action(async (settings: ServeSettings, command: Command) => {
      process.title = 'blobcached serve' // Flags are visible in ps, and may be secret.
      const { serve } = await import('../serve/serve.ts')
      await serve(settings, namesOf(command))
    })
}

const HELP = `
Every setting is also an environment variable: --chunk-size is BLOBCACHED_CHUNK_SIZE. A flag has
priority. Separate several values by commas, or repeat the flag. MEMCACHE_SERVERS,
MEMCACHE_USERNAME and MEMCACHE_PASSWORD are read too.`
