import { execFile, spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import test, { type ExecutionContext } from 'ava'
import { createClient } from 'webdav'
import { bytes } from '../../helpers/bytes.ts'
import { startTestServer } from '../../helpers/server.ts'

const run = promisify(execFile)
const testWith = (program: string, flag: string) =>
  spawnSync(program, [flag]).error === undefined ? test : test.skip

const content = bytes('webdav', 1_200_000)

async function folderOf(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'blobcached-webdav-'))
  t.teardown(() => rm(folder, { recursive: true }))
  await writeFile(join(folder, 'up.bin'), content)
  return folder
}

testWith('rclone', 'version')('rclone puts, gets, stats, lists and removes', async (t) => {
  const { url, store } = await startTestServer(t, { basePath: '/cache' })
  const folder = await folderOf(t)
  const env = {
    ...process.env,
    RCLONE_CONFIG: join(folder, 'none'),
    RCLONE_CONFIG_B_TYPE: 'webdav',
    RCLONE_CONFIG_B_URL: `${url}/files/`,
    RCLONE_CONFIG_B_VENDOR: 'other',
    RCLONE_RETRIES: '1',
  }
  const rclone = async (...args: string[]) =>
    (await run('rclone', args, { cwd: folder, env })).stdout

  await rclone('copyto', 'up.bin', 'b:dir/ä b&.bin')
  t.true((await (await store.get({ name: 'dir/ä b&.bin' })).bytes()).equals(content))
  const stat = JSON.parse(await rclone('lsjson', '--stat', 'b:dir/ä b&.bin')) as object
  t.like(stat, { Size: content.length, IsDir: false })
  t.is(await rclone('lsf', 'b:dir'), '')
  await rclone('mkdir', 'b:new')
  await rclone('moveto', 'b:dir/ä b&.bin', 'b:moved.bin')
  await rclone('copyto', 'b:moved.bin', 'down.bin')
  t.true((await readFile(join(folder, 'down.bin'))).equals(content))
  await rclone('copyto', 'up.bin', 'b:moved.bin', '--ignore-times')
  await rclone('deletefile', 'b:moved.bin')
  await t.throwsAsync(store.get({ name: 'moved.bin' }), { code: 'not-found' })
})

testWith('cadaver', '--version')('cadaver puts, gets, stats, lists and removes', async (t) => {
  const { url, store } = await startTestServer(t)
  const folder = await folderOf(t)
  const cadaver = async (...lines: string[]) => {
    const running = run('cadaver', [`${url}/files/`], { cwd: folder })
    running.child.stdin!.end([...lines, 'quit', ''].join('\n'))
    return (await running).stdout
  }
  const said = await cadaver(
    ...['ls', 'put up.bin', 'propget up.bin', 'get up.bin down.bin'],
    ...['mkcol dir', 'cd dir', 'put up.bin', 'cd ..', 'delete up.bin'],
  )
  t.notRegex(said, /failed/)
  t.is(said.match(/succeeded/g)?.length, 5)
  t.regex(said, /collection is empty/)
  t.regex(said, /getcontentlength = 1200000/)
  t.true((await readFile(join(folder, 'down.bin'))).equals(content))
  t.true((await (await store.get({ name: 'dir/up.bin' })).bytes()).equals(content))
  await t.throwsAsync(store.get({ name: 'up.bin' }), { code: 'not-found' })
})

test('the webdav client of npm puts, gets, stats, lists and removes', async (t) => {
  const { url } = await startTestServer(t, { access: { tokens: ['t'] } })
  const client = createClient(`${url}/files/`, { username: 'any', password: 't' })
  const name = '/dir/a &é]]>.bin'
  t.deepEqual(await client.getDAVCompliance('/').then(({ compliance }) => compliance), ['1'])
  t.false(await client.exists(name))
  await client.createDirectory('/dir/sub', { recursive: true })
  t.true(await client.putFileContents(name, content))
  t.false(await client.putFileContents(name, 'other', { overwrite: false }))
  t.like(await client.stat(name), { filename: name, size: content.length, type: 'file' })
  t.like(await client.stat('/dir/'), { filename: '/dir', type: 'directory' })
  t.deepEqual(await client.getDirectoryContents('/'), [])
  t.true(content.equals((await client.getFileContents(name)) as Buffer))
  await client.copyFile(name, '/b')
  await client.moveFile('/b', '/c')
  t.true(await client.exists('/c'))
  t.false(await client.exists('/b'))
  await client.deleteFile('/c')
  t.false(await client.exists('/c'))
})
