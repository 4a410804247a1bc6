import test from 'ava'
import { cliFor } from '../../helpers/cli.ts'
import { startTestServer } from '../../helpers/server.ts'

test('a misspelled environment variable is named with the right one', async (t) => {
  const server = await startTestServer(t)
  const cli = await cliFor(t, server)
  await server.store.put('content', { name: 'a' })
  const env = {
    BLOBCACHED_TOKN: 'x',
    BLOBCACHED_CHUNKSIZE: '1000',
    // Of the server, and of Kubernetes:
    BLOBCACHED_READ_TOKEN: 'x',
    BLOBCACHED_SERVICE_HOST: '10.0.0.1',
    BLOBCACHED_PORT_8080_TCP_ADDR: '10.0.0.1',
  }
  const expected = [
    'blobcached: BLOBCACHED_CHUNKSIZE is not a setting; did you mean BLOBCACHED_CHUNK_SIZE?',
    'blobcached: BLOBCACHED_TOKN is not a setting; did you mean BLOBCACHED_TOKEN?',
  ]
  const client = await cli.ok(['get', 'a', '-o', '-'], { env })
  t.deepEqual(client.stderr.trim().split('\n').sort(), expected)
  const serve = await cli.ok(['serve', '--print-config'], { env })
  t.deepEqual(serve.stderr.trim().split('\n').sort(), expected)
})
