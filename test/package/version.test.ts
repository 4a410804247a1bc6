import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { VERSION } from '../../src/version.ts'
import { ROOT } from '../helpers/packed.ts'

test('the version in the sources is that of the package', async (t) => {
  t.is(VERSION, JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')).version)
})
