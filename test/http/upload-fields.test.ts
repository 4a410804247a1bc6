import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import test from 'ava'
import Koa from 'koa'
import { UPLOAD_FIELDS, uploadOptions } from '../../src/http/upload-options.ts'
import { FileStore, memory, type PutOptions } from '../../src/index.ts'

/** Those that make a request conditional, which no plain request is. */
const CONDITIONS = ['if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since']

/** The fields that are looked at. */
function lookedAt(options: PutOptions): string[] {
  const req = new IncomingMessage(new Socket())
  const res = new ServerResponse(req)
  const asked = new Set<string>()
  const headers = new Proxy({}, { get: (_, name) => void asked.add(String(name)) })
  Object.defineProperty(req, 'headers', { value: headers })
  req.url = '/files/a'
  req.method = 'PUT'
  const ctx = new Koa().createContext(req, res)
  uploadOptions(ctx, new FileStore(memory()), options)
  return [...asked]
}

test('whatever an upload may say more makes it one that is not plain', (t) => {
  const asked = [...lookedAt({ name: 'a' }), ...lookedAt({ digest: '0'.repeat(64) })]
  const special: readonly string[] = UPLOAD_FIELDS
  t.deepEqual(
    asked.filter((name) => !special.includes(name) && !CONDITIONS.includes(name)),
    [],
  )
  t.deepEqual(
    UPLOAD_FIELDS.filter((name) => !asked.includes(name)),
    [],
  )
})
