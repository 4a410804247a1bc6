import { json, nothing, problems, readingThrough, whileUploading, writing } from './answers.ts'
import { header, path, query } from './parameters.ts'
import { schemaOf } from './schemas.ts'

export const blobPaths = {
  '/blobs/{hash}': {
    parameters: [path.hash],
    get: {
      tags: ['blobs'],
      operationId: 'getBlob',
      summary: 'Download content by its hash',
      parameters: [query.verify, query.download, ...header.reading],
      responses: { ...readingThrough, ...problems(404, 412, 416, 502, 504) },
    },
    head: {
      tags: ['blobs'],
      operationId: 'headBlob',
      summary: 'What GET would answer, as far as shows without reading the chunks',
      parameters: [query.download, ...header.reading],
      responses: { ...readingThrough, ...problems(404, 412, 502, 504) },
    },
    put: {
      tags: ['blobs'],
      operationId: 'putBlob',
      summary: 'Store content that has this hash',
      parameters: [query.ttl, ...header.writing],
      requestBody: { content: { '*/*': { schema: {} } } },
      responses: { ...writing, ...problems(...whileUploading) },
    },
    delete: {
      tags: ['blobs'],
      operationId: 'deleteBlob',
      summary: 'Remove the link by hash; names that lead to the content stay',
      parameters: [query.purge, ...header.deleting],
      responses: { 204: nothing('It is gone.'), ...problems(404, 412) },
    },
  },
  '/blobs/{hash}/manifest': {
    parameters: [path.hash],
    ...described('Manifest', 'Which chunks the content consists of'),
  },
  '/blobs/{hash}/health': {
    parameters: [path.hash],
    ...described('Health', 'Read and check every chunk'),
  },
  '/blobs/{hash}/repair': {
    parameters: [path.hash],
    post: {
      tags: ['blobs'],
      operationId: 'repairBlob',
      summary: 'Read every copy and write those again that are missing or wrong',
      responses: { 200: json('What was found and done.', 'Repair'), ...problems(404) },
    },
  },
  '/blobs/missing': {
    post: {
      tags: ['blobs'],
      operationId: 'findMissing',
      summary: 'Which of up to 10,000 contents could not be served; the others live on',
      requestBody: {
        required: true,
        content: { 'application/json': { schema: schemaOf('Hashes') } },
      },
      responses: { 200: json('Those that are missing.', 'Missing'), ...problems(408, 413) },
    },
  },
  '/blobs/batch': {
    post: {
      tags: ['blobs'],
      operationId: 'getBatch',
      summary: 'Up to 1,000 contents of up to 16 MiB in one answer, all of them or none',
      requestBody: {
        required: true,
        content: { 'application/json': { schema: schemaOf('Batch') } },
      },
      responses: {
        200: {
          description: 'A form, each file of it verified and named by its hash.',
          content: { 'multipart/form-data': { schema: {} } },
        },
        ...problems(404, 408, 413),
      },
    },
  },
}

function described(schema: 'Manifest' | 'Health', summary: string) {
  const operation = (operationId: string) => ({
    tags: ['blobs'],
    operationId,
    summary,
    responses: { 200: json(`${summary}.`, schema), ...problems(404) },
  })
  return { get: operation(`get${schema}`), head: operation(`head${schema}`) }
}
