import { PassThrough } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { stripVTControlCharacters } from 'node:util'
import test from 'ava'
import { ProgressLine } from '../../../src/cli/terminal/progress-line.ts'
import { until } from '../../helpers/watchdog.ts'

function terminal(columns: number, isTTY = true) {
  const stream = new PassThrough()
  let text = ''
  stream.on('data', (bytes) => (text += String(bytes)))
  const tty = Object.assign(stream, { isTTY, columns, rows: 24 })
  return { tty: tty as unknown as NodeJS.WriteStream, text: () => text }
}

test('the line shows hashing, files and bytes, in one row', async (t) => {
  const { tty, text } = terminal(90)
  const line = new ProgressLine(tty, false)
  await line.start(2_000_000, 3000)
  line.label(`${'long/'.repeat(40)}\u001b[31m`)
  line.check(1_500_000)
  await until('the hashing', () => text().includes('checking 1.5 MB'))
  t.regex(text(), /0 of 3,000 files/)
  line.check(-1_500_000)
  line.advance(500_000)
  line.fileDone()
  await until('the files', () => text().includes('1 of 3,000 files'))
  line.stop()
  const rows = stripVTControlCharacters(text()).split('\n')
  t.true(Math.max(...rows.map((row) => row.length)) < 90)
  t.notRegex(text(), /31m/)
})

test('nothing is drawn in a pipe, or with --quiet', async (t) => {
  for (const [isTTY, isQuiet] of [
    [false, false],
    [true, true],
  ] as const) {
    const { tty, text } = terminal(80, isTTY)
    const line = new ProgressLine(tty, isQuiet)
    await line.start(100, 2)
    line.advance(50)
    await sleep(250)
    line.stop()
    t.is(text(), '')
  }
})
