import { access, readdir, readFile } from 'node:fs/promises'
import { dirname, join, normalize } from 'node:path'
import test from 'ava'

const docs = (await readdir('docs')).filter((name) => name.endsWith('.md'))
const PAGES = [
  ...docs.map((name) => join('docs', name)),
  ...['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'examples/README.md', 'fixtures/README.md'],
]

test('the pages link to files and headings that are there', async (t) => {
  for (const page of PAGES) {
    const text = await readFile(page, 'utf8')
    for (const [, link = ''] of text.matchAll(/\]\((?!https?:)([^)\s]+)\)/g)) {
      const [file = '', anchor] = link.split('#')
      const target = file === '' ? page : normalize(join(dirname(page), file))
      await t.notThrowsAsync(access(target), `${page}: ${link}`)
      if (anchor !== undefined) t.true((await anchorsOf(target)).has(anchor), `${page}: ${link}`)
    }
  }
})

test('the files and folders of this repository that the pages name are there', async (t) => {
  const made = (await readFile('.gitignore', 'utf8')).split('\n')
  const named = /(?<![\w./-])(?:src|test|bench|docs|examples|deploy|fixtures|scripts)\/[\w./-]*\w/g
  for (const page of PAGES) {
    for (const [path] of (await readFile(page, 'utf8')).matchAll(named)) {
      if (!made.includes(`${path}/`)) await t.notThrowsAsync(access(path), `${page}: ${path}`)
    }
  }
})

/** Returns the anchors of a page's headings, as they are made where Markdown is shown. */
async function anchorsOf(page: string): Promise<Set<string>> {
  const headings = (await readFile(page, 'utf8')).matchAll(/^#+ (.+)$/gm)
  return new Set(
    Array.from(headings, ([, heading]) =>
      heading!
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  )
}
