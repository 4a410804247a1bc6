/** Fails the tests of a file during which Node warns of anything but what it calls experimental or deprecated. */
process.on('warning', (warning) => {
  if (!['ExperimentalWarning', 'DeprecationWarning'].includes(warning.name)) throw warning
})
