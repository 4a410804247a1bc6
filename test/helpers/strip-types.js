// Runs TypeScript where Node does not do so by itself, as Node 22.18 and later do: types become spaces, so that lines
// and columns stay. It takes half of the time that tsx takes, and every file of tests is a process.
import { register } from 'node:module'

if (!process.features.typescript) register('./strip-types-hooks.js', import.meta.url)
