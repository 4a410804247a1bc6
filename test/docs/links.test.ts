import { access, readdir, readFile } from 'node:fs/promises'
import { dirname, join, normalize } from 'node:path'
import test from 'ava'

test('the pages link to files that are there', async (t) => {
  const docs = (await readdir('docs')).filter((name) => name.endsWith('.md'))
  const pages = [...docs.map((name) => join('docs', name)), 'README.md', 'CONTRIBUTING.md']
  for (const page of [...pages, 'examples/README.md']) {
    const text = await readFile(page, 'utf8')
    for (const [, target = ''] of text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)) {
      await t.notThrowsAsync(access(normalize(join(dirname(page), target))), `${page}: ${target}`)
    }
  }
})
