import test from 'ava'
import { Digest } from '../../../../src/index.ts'
import { bytes } from '../../../helpers/bytes.ts'
import { startTestServer } from '../../../helpers/server.ts'

interface Tool {
  name: string
  path: string
  /** What it sends along with an upload. */
  putHeaders?: Record<string, string>
  getHeaders?: Record<string, string>
  /** Does it look before it loads? */
  head?: boolean
  content?: Buffer
}

const ENTRY = bytes('entry', 40_000)

/** Tools that keep what they have under keys of their own, and how they ask. */
const TOOLS: Tool[] = [
  { name: 'ccache, flat', path: '/files/cc/b31715kkab2tmi32kq023r4kku1vb997a', head: true },
  { name: 'ccache, subdirs', path: '/files/cc/b3/1715kkab2tmi32kq023r4kku1vb997a' },
  { name: 'ccache, bazel', path: `/cc/ac/${'b3170969452c5db4862a68021ec94a78'.repeat(2)}` },
  {
    name: 'Gradle',
    path: '/files/gradle/e81eb63d5113026a7ef9dde86a604dd1',
    putHeaders: {
      'Content-Type': 'application/vnd.gradle.build-cache-artifact.v1',
      'X-Gradle-Version': '4.4.1',
    },
    getHeaders: {
      Accept: 'application/vnd.gradle.build-cache-artifact.v1, */*',
      'Accept-Encoding': 'gzip,deflate',
    },
  },
  {
    name: 'Maven build cache extension',
    path: '/files/maven/v1.1/org.example/app/2a8ae7e2b0c9b3ae/buildinfo.xml',
    head: true,
  },
  {
    name: 'Rush',
    path: '/files/rush/app-_phase_build-f9a9b15f0e2deda6012fc2a120e3ee2be6ab3d7f',
    putHeaders: { 'Content-Type': 'application/octet-stream' },
  },
  { name: 'vcpkg', path: '/files/vcpkg/zlib/1.3/0f1e2d.zip', head: true },
  { name: 'Nix binary cache', path: '/files/nix/nar/1w1fff.nar.xz?compression=xz', head: true },
  {
    name: 'moon, action results',
    path: `/mo/ac/${'93ae6a7a'.repeat(8)}`,
    putHeaders: { 'Content-Type': 'application/json' },
    getHeaders: { Accept: 'application/json', 'Accept-Encoding': 'zstd,gzip' },
    content: Buffer.from(JSON.stringify({ output_files: [], exit_code: 0 })),
  },
  {
    name: 'moon, content',
    path: `/mo/cas/${Digest.of(ENTRY).hex}`,
    getHeaders: { 'Accept-Encoding': 'zstd,gzip' },
  },
]

for (const { name, path, putHeaders = {}, getHeaders = {}, head, content = ENTRY } of TOOLS) {
  test(`miss, upload, hit: ${name}`, async (t) => {
    const { url } = await startTestServer(t, { store: { chunkSize: 10_000 } })
    const look = async (method: string) => {
      const answer = await fetch(url + path, { method, headers: getHeaders })
      return { status: answer.status, bytes: Buffer.from(await answer.arrayBuffer()), answer }
    }
    if (head) t.is((await look('HEAD')).status, 404)
    t.is((await look('GET')).status, 404)

    for (const status of [201, 200]) {
      const stored = await fetch(url + path, { method: 'PUT', headers: putHeaders, body: content })
      t.is(stored.status, status)
      await stored.arrayBuffer()
    }

    if (head) t.is((await look('HEAD')).answer.headers.get('content-length'), `${content.length}`)
    const hit = await look('GET')
    t.is(hit.status, 200)
    t.deepEqual(hit.bytes, content)
    t.is(hit.answer.headers.get('content-length'), `${content.length}`)
    t.is(hit.answer.headers.get('content-encoding'), null)
  })
}

test('sccache, as WebDAV: looks for the folder, uploads, reads', async (t) => {
  const { url } = await startTestServer(t)
  const dav = `${url}/files/sccache`
  t.is((await fetch(`${dav}/.sccache_check`)).status, 404)

  const folder = await propfind(`${dav}/a/b/c/`)
  t.is(folder.status, 207)
  t.regex(await folder.text(), /<D:resourcetype><D:collection\/><\/D:resourcetype>/)
  t.is((await fetch(`${dav}/a/b/c/`, { method: 'MKCOL' })).status, 201)

  const key = `${dav}/a/b/c/abcdef`
  t.is((await propfind(key)).status, 404)
  t.is((await fetch(key, { method: 'PUT', body: ENTRY })).status, 201)
  const file = await (await propfind(key)).text()
  t.regex(file, /<D:resourcetype\/>/)
  t.regex(file, /<D:getcontentlength>40000<\/D:getcontentlength>/)
  t.regex(file, /<D:getlastmodified>\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT<\/D:getlastmodified>/)
  t.deepEqual(Buffer.from(await (await fetch(key)).arrayBuffer()), ENTRY)
})

test('Gradle is told that an entry is too large with 413, which it tolerates', async (t) => {
  const { url } = await startTestServer(t, { drainMs: 100, store: { maxFileSize: 10_000 } })
  const answer = await fetch(`${url}/files/gradle/key`, { method: 'PUT', body: ENTRY })
  t.is(answer.status, 413)
  await answer.arrayBuffer()
})

function propfind(url: string): Promise<Response> {
  return fetch(url, {
    method: 'PROPFIND',
    headers: { Depth: '0', 'Content-Type': 'application/xml' },
    body: '<?xml version="1.0"?><D:propfind xmlns:D="DAV:"><D:allprop/></D:propfind>',
  })
}
