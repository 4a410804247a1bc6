// The server below /cache of a service of your own, for each of three frameworks.
import { createServer, type RequestListener } from 'node:http'
import { FileStore, memory } from 'blobcached'
import { createApp } from 'blobcached/server'
import express from 'express'
import fastify from 'fastify'

const store = new FileStore(memory())

// node:http: the whole server, or what is left after routes of your own
export const nodeHttp = createServer(createApp(store).callback())

// Express 5: before anything that reads bodies
export const expressApp = express().use('/cache', createApp(store).callback())

// Fastify 5: the body is left to blobcached
export const fastifyApp = fastify()
fastifyApp.register(async (scope) => {
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('*', (_request, _body, done) => done(null))
  scope.all('/cache/*', (request, reply) => forward(request.raw, reply.hijack().raw))
})
// Fastify does not say what the app is mounted at.
const forward: RequestListener = createApp(store, { basePath: '/cache' }).callback()
