import config from './ava.config.js'

/** The page in a real browser: apart from the rest, since not every machine has one. */
export default { ...config, files: ['test/browser/**/*.test.ts'], timeout: '5m' }
