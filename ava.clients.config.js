// The real build tools: `npm run test:clients`. They share two cores with what they build.
export default {
  files: ['test/clients/*.client.ts'],
  extensions: { ts: 'module' },
  nodeArguments: ['--import=tsx'],
  workerThreads: false,
  concurrency: 1,
  timeout: '5m',
}
