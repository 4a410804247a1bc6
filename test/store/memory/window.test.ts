import test from 'ava'
import { Window, windowFor } from '../../../src/store/memory/window.ts'
import { deferred, turns } from '../../helpers/deferred.ts'

test('there is room again when a task has ended', async (t) => {
  const window = new Window(2)
  const [one, two] = [deferred(), deferred()]
  await window.room()
  window.add(one.promise)
  await window.room()
  window.add(two.promise)
  let hasRoom = false
  const room = window.room().then(() => {
    hasRoom = true
  })
  await turns()
  t.false(hasRoom)
  two.resolve()
  await room
  one.resolve()
  await window.finish()
})

test('the first failure is kept for whoever asks for room, and for the end', async (t) => {
  const window = new Window(1)
  const task = deferred()
  window.add(task.promise)
  const room = window.room()
  task.reject(new Error('first'))
  await t.throwsAsync(room, { message: 'first' })
  window.add(Promise.reject(new Error('second')))
  await t.throwsAsync(window.finish(), { message: 'first' })
})

test('settled waits for every task, however it ends, and never rejects', async (t) => {
  const window = new Window(3)
  const slow = deferred()
  window.add(Promise.reject(new Error('early')))
  window.add(slow.promise)
  let settled = false
  const end = window.settled().then(() => {
    settled = true
  })
  await turns()
  t.false(settled)
  slow.resolve()
  await end
  t.true(settled)
})

test('a window has about 2 MiB under way, at least two chunks, at most 64', (t) => {
  t.is(windowFor(524_038), 4)
  t.is(windowFor(16 * 1024 * 1024), 2)
  t.is(windowFor(1), 64)
})
