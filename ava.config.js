export default {
  files: ['test/**/*.test.ts', '!test/browser/**'],
  require: ['./test/helpers/no-warnings.js'],
  extensions: { ts: 'module' },
  nodeArguments: ['--import=tsx'],
  workerThreads: false,
  concurrency: 2,
  timeout: '2m',
}
