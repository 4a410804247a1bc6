import test from 'ava'
import { formBody, formType } from '../../helpers/form.ts'
import { ask } from '../../helpers/http.ts'
import { startTestServer } from '../../helpers/server.ts'

const SIZE = 6_000_000
const CLOSE = 'x'.repeat(38)
const A = 'a'.repeat(70)
const DASHES = '-'.repeat(70)

/** The boundary of a form, and what its file repeats. */
const table: [why: string, boundary: string, unit: string][] = [
  ['carriage returns', CLOSE, '\r'],
  ['ends of lines', CLOSE, '\r\n'],
  ['beginnings of delimiters', CLOSE, '\r\n--'],
  ['delimiters but for their last byte', CLOSE, `\r\n--${CLOSE.slice(1)}`],
  ['what a delimiter ends with', A, 'a'],
  ['delimiters but for their first byte', A, `\n--${A}`],
  ['dashes', DASHES, '-'],
]

test.serial(
  'a form costs at most three times a PUT of the same bytes, whatever the bytes',
  async (t) => {
    const { url } = await startTestServer(t)
    const least = async (path: string, method: string, headers: object, body: Buffer) => {
      const costs: number[] = []
      for (let run = 0; run < 3; run++) {
        const before = process.cpuUsage()
        const { status } = await ask(url + path, { method, headers: { ...headers }, body })
        const { user, system } = process.cpuUsage(before)
        t.true(status === 200 || status === 201, `${status}`)
        costs.push(user + system)
      }
      return Math.min(...costs)
    }
    await least('/files/warm', 'PUT', {}, Buffer.alloc(SIZE))
    for (const [why, boundary, unit] of table) {
      const content = Buffer.alloc(SIZE, unit)
      const head = `--${boundary}\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\n`
      const body = Buffer.concat([
        Buffer.from(head),
        content,
        Buffer.from(`\r\n--${boundary}--\r\n`),
      ])
      const form = await least('/files', 'POST', formType(boundary), body)
      const put = await least('/files/put', 'PUT', {}, content)
      t.true(form <= 3 * put, `${why}: ${form} µs, and a PUT ${put} µs`)
      const stored = await ask(`${url}/files/x`)
      t.true(stored.body.equals(content), why)
    }
  },
)

test.serial('a form of many files leaves others their turn', async (t) => {
  const { url } = await startTestServer(t)
  const files = Array.from({ length: 1000 }, (_, index) => ({ filename: `${index}`, content: '' }))
  let isThrough = false
  const form = ask(`${url}/files`, {
    method: 'POST',
    headers: formType(),
    body: formBody(...files),
  }).finally(() => {
    isThrough = true
  })
  let answered = 0
  for (; !isThrough; answered++) t.is((await ask(`${url}/healthz`)).status, 200)
  t.is((await form).status, 201)
  t.true(answered >= 20, `${answered}`)
})
