import config from './ava.config.js'

/** The real build tools: apart from the rest, since they have to be installed, and take minutes. */
export default { ...config, files: ['test/clients/*.client.ts'], concurrency: 1, timeout: '5m' }
