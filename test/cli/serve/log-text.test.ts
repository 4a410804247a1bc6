import test from 'ava'
import { pino } from 'pino'
import { textLines } from '../../../src/cli/serve/log-text.ts'

function logged(log: (logger: pino.Logger) => void): string {
  const parts: string[] = []
  const output = textLines({ write: (part) => parts.push(part) })
  const formatters = { level: (level: string) => ({ level }) }
  log(pino({ base: {}, formatters, timestamp: pino.stdTimeFunctions.isoTime }, output))
  return parts.join('')
}

test('a line begins with the time and ends with the fields', (t) => {
  const text = logged((logger) =>
    logger.info({ method: 'GET', path: '/files/a b', status: 200, id: 'x' }, 'request'),
  )
  t.regex(text, /^\d\d:\d\d:\d\d\.\d{3} request method=GET path="\/files\/a b" status=200\n$/)
})

test('what is not right says how bad it is, and where it comes from', (t) => {
  const text = logged((logger) => logger.error({ err: new Error('boom') }, 'crashed'))
  t.regex(text, /^\S+ ERROR crashed\nError: boom\n {4}at /)
})

test('no field can move the cursor or forge a line', (t) => {
  const text = logged((logger) => logger.warn({ path: '/\u001b[2J\nforged' }, 'request'))
  t.regex(text, /^\S+ WARN request path="\/\\u001b\[2J\\nforged"\n$/)
})
