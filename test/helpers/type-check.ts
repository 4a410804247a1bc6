import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ROOT } from './packed.ts'

const run = promisify(execFile)

/** A value as it is in JSON or YAML, and an expression of the type that it should have. */
export interface Typed {
  readonly value: unknown
  readonly type: string
}

/**
 * Returns what TypeScript says against these values, '' for nothing: unlike the schemas that the types are made
 * of, it finds misspelled and misplaced fields too.
 * @param imports The lines that `type` needs.
 */
export async function typeErrors(imports: string, values: readonly Typed[]): Promise<string> {
  // In the project, or TypeScript does not find its packages.
  const folder = await mkdtemp(join(ROOT, 'node_modules', '.typed-'))
  try {
    const lines = values.map(
      ({ value, type }, index) =>
        `export const value${index}: Plain<${type}> = ${JSON.stringify(value, null, 1)}`,
    )
    await writeFile(join(folder, 'values.ts'), [imports, PLAIN, ...lines].join('\n'))
    const compilerOptions = {
      module: 'nodenext',
      target: 'es2022',
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      types: [],
    }
    const files = ['values.ts']
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }))
    const tsc = join(ROOT, 'node_modules/.bin/tsc')
    const { stdout } = await run(tsc, ['-p', '.'], { cwd: folder }).catch((error) => error)
    return stdout
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Makes an enum of strings the strings that it stands for in JSON. */
const PLAIN = `type Plain<T> = T extends string ? \`\${T}\` : T extends object ? { [K in keyof T]: Plain<T[K]> } : T`
