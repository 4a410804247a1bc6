/*
 * What the server says of itself at /openapi.json, written once and here.
 *
 * Who adds a route describes it in the file of its group (files.ts, blobs.ts, builds.ts, service.ts,
 * or a new one that `paths` below takes in) in the same change: test/http/openapi.test.ts fails for a
 * route that is missing here and for a path that no route answers, and holds what requests are
 * really answered against it. Answers and schemas that several operations share are in answers.ts
 * and schemas.ts, parameters in parameters.ts. A router pattern `/a/:b/*c` is the path `/a/{b}/{c}`.
 */
import { problemAnswers } from './answers.ts'
import { blobPaths } from './blobs.ts'
import { buildPaths } from './builds.ts'
import { filePaths } from './files.ts'
import { schemas } from './schemas.ts'
import { servicePaths } from './service.ts'

const DESCRIPTION = `Files in memcached, every byte verified before it leaves. 200 and 206 are sent when
every chunk they need has been verified; a file that is lost or damaged is 404 with a reason; 503 is
for a backend that does not answer. Names may hold slashes: \`{name}\` stands for the rest of the path,
percent-encoded as a whole or segment by segment.`

/**
 * OpenAPI 3.1.
 * @param base What the server's paths begin with.
 */
export function openApiDocument(version: string, base = '') {
  return {
    openapi: '3.1.0',
    info: {
      title: 'blobcached',
      version,
      summary: 'A verified file cache over memcached',
      description: DESCRIPTION,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: base || '/' }],
    // Tokens are needed where the server was started with some.
    security: [{}, { bearer: [] }, { basic: [] }],
    tags: [
      { name: 'files', description: 'Files by name' },
      { name: 'blobs', description: 'Content by its SHA-256' },
      { name: 'builds', description: 'Protocols of build tools' },
      { name: 'service', description: 'The server itself' },
    ],
    paths: { ...filePaths, ...blobPaths, ...buildPaths, ...servicePaths },
    components: {
      schemas,
      responses: problemAnswers,
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        basic: { type: 'http', scheme: 'basic', description: 'Any user, a token as password.' },
      },
    },
  }
}
