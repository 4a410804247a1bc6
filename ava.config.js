export default {
  files: ['test/**/*.test.ts', '!test/browser/**'],
  require: ['./test/helpers/no-warnings.js'],
  extensions: { ts: 'module' },
  nodeArguments: [`--import=${new URL('./test/helpers/strip-types.js', import.meta.url)}`],
  workerThreads: false,
  concurrency: 2,
  timeout: '2m',
}
