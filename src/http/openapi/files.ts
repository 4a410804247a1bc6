import { nothing, problems, readingThrough, whileUploading, writing } from './answers.ts'
import { header, path, query } from './parameters.ts'
import { schemaOf } from './schemas.ts'

const body = { content: { '*/*': { schema: {} } } }

export const filePaths = {
  '/files': {
    options: asked('optionsFiles'),
    post: {
      tags: ['files'],
      operationId: 'postFiles',
      summary: 'Store the files of a form, all or none, or any other body as one file by hash',
      parameters: [query.name, query.ttl, ...header.writing],
      requestBody: {
        content: { 'multipart/form-data': { schema: schemaOf('Form') }, '*/*': { schema: {} } },
      },
      responses: {
        200: writing[200],
        201: {
          ...writing[201],
          description:
            'A receipt, or for a form a list of them; Location and ETag for one file only.',
          headers: {},
          content: {
            'application/json': {
              schema: {
                oneOf: [schemaOf('Receipt'), { type: 'array', items: schemaOf('Receipt') }],
              },
            },
          },
        },
        ...problems(...whileUploading),
      },
    },
  },
  '/files/{name}': {
    parameters: [path.name],
    options: asked('optionsFile'),
    get: {
      tags: ['files'],
      operationId: 'getFile',
      summary: 'Download a file, or with ?manifest or ?health, what it consists of',
      parameters: [
        ...[query.verify, query.download, query.manifest, query.health],
        ...header.reading,
      ],
      responses: { ...describedOrSent(), ...problems(404, 412, 416, 502, 504) },
    },
    head: {
      tags: ['files'],
      operationId: 'headFile',
      summary: 'What GET would answer, as far as shows without reading the chunks',
      parameters: [query.download, ...header.reading],
      responses: { ...readingThrough, ...problems(404, 412, 502, 504) },
    },
    put: {
      tags: ['files'],
      operationId: 'putFile',
      summary: 'Store the body under a name, or with ?from, name content that is there',
      parameters: [query.ttl, query.from, ...header.writing],
      requestBody: body,
      responses: { ...writing, ...problems(404, ...whileUploading) },
    },
    post: {
      tags: ['files'],
      operationId: 'createFile',
      summary: 'As PUT, unless a readable file has the name',
      parameters: [query.ttl, query.from, ...header.writing],
      requestBody: body,
      responses: { ...writing, ...problems(404, 409, ...whileUploading) },
    },
    delete: {
      tags: ['files'],
      operationId: 'deleteFile',
      summary: 'Remove a name; other names and the content by hash stay',
      parameters: [query.purge, ...header.deleting],
      responses: { 204: nothing('It is gone.'), ...problems(404, 412) },
    },
  },
}

function asked(operationId: string) {
  return {
    tags: ['files'],
    operationId,
    summary: 'Which methods there are, those of WebDAV too',
    responses: {
      200: {
        description: 'They are in Allow.',
        headers: {
          Allow: { required: true, schema: { type: 'string' } },
          DAV: { required: true, schema: { const: '1' } },
        },
      },
      ...problems(),
    },
  }
}

/** JSON either way is not told apart: a stored file may well have that type. */
function describedOrSent() {
  return {
    ...readingThrough,
    200: {
      description: 'The file, verified; or as JSON, its chunks or their health.',
      headers: { 'Cache-Control': { required: true, schema: { type: 'string' } } },
      content: {
        'application/json': { schema: { anyOf: [schemaOf('Manifest'), schemaOf('Health'), {}] } },
        '*/*': { schema: {} },
      },
    },
  }
}
