// Runs before a build, so that no file is packed whose source was deleted.
import { rmSync } from 'node:fs'

rmSync(new URL('../dist', import.meta.url), { recursive: true, force: true })
