import { json, nothing, plain, problems } from './answers.ts'
import { path } from './parameters.ts'

export const servicePaths = {
  '/': {
    ...readable('Page', 'The web page', {
      200: plain('The page.', 'text/html'),
      308: nothing('It is one slash further: the base path alone was asked for.'),
      304: nothing('The client has it.'),
      ...problems(404),
    }),
  },
  '/assets/{file}': {
    parameters: [path.file],
    ...readable('Asset', 'What the web page loads', {
      200: { description: 'The file.', content: { '*/*': { schema: {} } } },
      304: nothing('The client has it.'),
      ...problems(404),
    }),
  },
  '/fleet': readable('Fleet', 'What stands behind this server and how it fares', {
    200: json('How it fares.', 'Fleet'),
    ...problems(),
  }),
  '/healthz': readable('Liveness', 'Whether this process answers', {
    200: json('It does.', 'Status'),
    ...problems(),
  }),
  '/readyz': readable('Readiness', 'Whether this server can do its work', {
    200: json('It can.', 'Status'),
    ...problems(),
  }),
  '/metrics': readable('Metrics', 'For Prometheus', {
    200: plain('The metrics.', 'text/plain'),
    ...problems(),
  }),
  '/openapi.json': readable('OpenApi', 'This document', {
    200: {
      description: 'OpenAPI 3.1.',
      content: { 'application/json': { schema: { type: 'object', required: ['openapi'] } } },
    },
    304: nothing('The client has it.'),
    ...problems(),
  }),
}

function readable(name: string, summary: string, responses: object) {
  const operation = { tags: ['service'], summary, responses }
  return {
    get: { ...operation, operationId: `get${name}` },
    head: { ...operation, operationId: `head${name}` },
  }
}
