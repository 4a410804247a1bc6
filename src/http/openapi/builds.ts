import { nothing, plain, problems, reading, whileUploading, writing } from './answers.ts'
import { header, path, query } from './parameters.ts'

/** As the tools have them: docs/build-caches.md. Each may stand behind any prefix. */
export const buildPaths = {
  '/{prefix}/ac/{hash}': {
    parameters: [path.prefix, path.hash],
    ...entry('ActionResult', 'Bazel: what an action led to'),
    put: upload('putActionResult', 'Bazel: keep what an action led to'),
    delete: {
      tags: ['builds'],
      operationId: 'deleteActionResult',
      summary: 'Bazel: forget what an action led to',
      responses: { 204: nothing('It is gone.'), ...problems(404) },
    },
  },
  '/{prefix}/cas/{hash}': {
    parameters: [path.prefix, path.hash],
    ...entry('CasBlob', 'Bazel: content by hash'),
    put: upload('putCasBlob', 'Bazel: store content by hash'),
  },
  '/{prefix}/v1/cache/{key}': {
    parameters: [path.prefix, path.key],
    ...entry('NxArtifact', 'Nx: the outputs of a task'),
    put: {
      tags: ['builds'],
      operationId: 'putNxArtifact',
      summary: 'Nx: keep the outputs of a task',
      requestBody: { content: { '*/*': { schema: {} } } },
      responses: { 200: nothing('It is stored.'), 403: plain('It is not.', 'text/plain') },
    },
  },
  '/{prefix}/v8/artifacts/{key}': {
    parameters: [path.prefix, path.key, query.team, query.slug],
    ...entry('TurborepoArtifact', 'Turborepo: the outputs of a task'),
    put: {
      ...upload('putTurborepoArtifact', 'Turborepo: keep the outputs of a task'),
      responses: { 200: anyJson('It is stored.'), ...problems(...whileUploading) },
    },
    options: { tags: ['builds'], responses: { 204: nothing('What a preflight may know.') } },
  },
  '/{prefix}/v8/artifacts': {
    parameters: [path.prefix, query.team, query.slug],
    post: {
      tags: ['builds'],
      operationId: 'queryTurborepoArtifacts',
      summary: 'Turborepo: what there is to know of several artifacts',
      requestBody: { content: { 'application/json': { schema: { type: 'object' } } } },
      responses: { 200: anyJson('By hash.'), ...problems(408, 413) },
    },
    options: { tags: ['builds'], responses: { 204: nothing('What a preflight may know.') } },
  },
  '/{prefix}/v8/artifacts/events': {
    parameters: [path.prefix],
    post: {
      tags: ['builds'],
      operationId: 'tellTurborepoEvents',
      summary: 'Turborepo: hits and misses, which are not kept',
      responses: { 200: anyJson('Nothing.'), ...problems() },
    },
  },
  '/{prefix}/v8/artifacts/status': {
    parameters: [path.prefix],
    get: { tags: ['builds'], responses: { 200: anyJson('It is enabled.'), ...problems() } },
    head: { tags: ['builds'], responses: { 200: nothing('It is enabled.'), ...problems() } },
  },
}

function entry(name: string, summary: string) {
  const operation = {
    tags: ['builds'],
    summary,
    parameters: header.reading,
    responses: { ...reading, ...problems(404, 412, 416) },
  }
  return {
    get: { ...operation, operationId: `get${name}` },
    head: { ...operation, operationId: `head${name}` },
  }
}

function upload(operationId: string, summary: string) {
  return {
    tags: ['builds'],
    operationId,
    summary,
    parameters: header.writing,
    requestBody: { content: { '*/*': { schema: {} } } },
    responses: { ...writing, ...problems(...whileUploading) },
  }
}

function anyJson(description: string) {
  return { description, content: { 'application/json': { schema: { type: 'object' } } } }
}
