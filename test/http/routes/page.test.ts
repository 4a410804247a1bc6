import test from 'ava'
import { startTestServer } from '../../helpers/server.ts'

test('the page and what it loads are served with their types and a strict policy', async (t) => {
  const { url } = await startTestServer(t)
  const page = await fetch(url)
  const html = await page.text()
  t.is(page.status, 200)
  t.is(page.headers.get('content-type'), 'text/html; charset=utf-8')
  const loaded = Array.from(html.matchAll(/(?:src|href)="(assets\/[^"]+)"/g), ([, path]) => path!)
  t.true(loaded.length >= 4)
  for (const path of loaded) {
    const asset = await fetch(new URL(path, url))
    t.is(asset.status, 200, path)
    t.not((await asset.arrayBuffer()).byteLength, 0, path)
    t.is(asset.headers.get('x-content-type-options'), 'nosniff', path)
  }
  const policy = page.headers.get('content-security-policy') ?? ''
  t.regex(policy, /^default-src 'none'; script-src 'self';/)
  t.notRegex(policy, /unsafe|\*|https?:/)
})

test('no script, style or handler stands in the page itself', async (t) => {
  const { url } = await startTestServer(t)
  const html = await (await fetch(url)).text()
  t.notRegex(html, /<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)/i)
})

test('a browser that has the page is told so, without its bytes', async (t) => {
  const { url } = await startTestServer(t)
  for (const path of ['/', '/assets/main.js']) {
    const first = await fetch(url + path)
    await first.body?.cancel()
    t.is(first.headers.get('cache-control'), 'no-cache')
    // As a browser asks; by itself, Node's fetch would forbid the short answer.
    const headers = {
      'If-None-Match': first.headers.get('etag') ?? '',
      'Cache-Control': 'max-age=0',
    }
    const again = await fetch(url + path, { headers })
    t.is(again.status, 304)
    t.is((await again.arrayBuffer()).byteLength, 0)
    t.is(again.headers.get('content-security-policy'), first.headers.get('content-security-policy'))
  }
})

test('nothing but the assets is reachable below /assets', async (t) => {
  const { url } = await startTestServer(t)
  for (const path of ['nothing.js', '..%2f..%2fpackage.json', '%2e%2e%2findex.html', 'main.ts']) {
    const answer = await fetch(`${url}/assets/${path}`)
    t.is(answer.status, 404, path)
    t.is(((await answer.json()) as { reason: string }).reason, 'no-such-route')
  }
})
