import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import { DamagedError, type Engine, type EngineObserver } from '../../src/engine/engine.ts'
import { InvalidArgumentError, TooLargeError, UnavailableError } from '../../src/errors.ts'
import { watched } from '../helpers/watchdog.ts'

export interface Subject {
  engine: Engine
  /** Overwrites a value behind the engine's back; without it the engine's own `set` does. */
  tamper?(key: string, value: Buffer): Promise<void>
  /** Whether it cannot tell its figures, as a proxy. */
  isMute?: boolean
  /** Servers behind it, where that is not one. */
  servers?: number
}

const whole = (value: Buffer) => value
const exactly = (wanted: Buffer) => (value: Buffer) => (value.equals(wanted) ? value : undefined)

/** The `events`, as far as they are found in this order among others. */
function inOrder(events: readonly string[], among: readonly string[]): string[] {
  let from = 0
  return events.filter((event) => {
    const at = among.indexOf(event, from)
    from = at === -1 ? from : at + 1
    return at !== -1
  })
}

/** Every sentence of the Engine interface, as tests of whatever `create` makes. */
export function contract(name: string, create: (t: ExecutionContext) => Promise<Subject>): void {
  const it = (sentence: string, body: (t: ExecutionContext, subject: Subject) => Promise<void>) =>
    test(`${name}: ${sentence}`, async (t) => {
      const subject = await create(t)
      t.teardown(() => subject.engine.close())
      await watched(sentence, body(t, subject))
    })
  const tamper = ({ engine, tamper: behind }: Subject, key: string, value: Buffer) =>
    behind ? behind(key, value) : engine.set(key, value).then(() => {})

  it('get resolves with undefined when there is no such key', async (t, { engine }) => {
    t.is(await engine.get('absent', whole), undefined)
  })

  it('get resolves with what the proof makes of the value', async (t, { engine }) => {
    await engine.set('key', Buffer.from('value'))
    t.is(await engine.get('key', (value) => value.toString()), 'value')
    t.is(await engine.get('key', async (value) => value.length), 5)
  })

  it('get receives values of every size in the memory it is given, or in its own', async (t, {
    engine,
  }) => {
    for (const size of [0, 1, 100, 32_768, 70_000, 500_000]) {
      const right = randomBytes(size)
      const asked: number[] = []
      const lent = new Set<ArrayBufferLike>()
      const allocate = (length: number) => {
        asked.push(length)
        const memory = Buffer.alloc(600_000, 0xee)
        lent.add(memory.buffer)
        return memory.subarray(0, length)
      }
      await engine.set('key', right)
      const value = await engine.get('key', whole, { allocate })
      t.deepEqual(value, right)
      t.true(asked.every((length) => length === size))
      t.is(lent.has(value!.buffer), asked.length > 0 && size > 0)
      t.is(await engine.get('absent', whole, { allocate }), undefined)
    }
  })

  it('get may resolve with any value but undefined, falsy ones included', async (t, { engine }) => {
    await engine.set('key', Buffer.from('value'))
    t.is(await engine.get('key', () => 0), 0)
    t.is(await engine.get('key', () => null), null)
    t.is(await engine.get('key', () => ''), '')
  })

  it('get rejects with DamagedError when no copy proves itself', async (t, { engine }) => {
    await engine.set('key', Buffer.from('value'))
    const error = await t.throwsAsync(
      engine.get('key', () => undefined),
      { instanceOf: DamagedError },
    )
    t.is(error.key, 'key')
    t.is(await engine.get('key', String), 'value', 'and leaves the value alone')
  })

  it('get with discard removes the value that did not prove itself', async (t, subject) => {
    const { engine } = subject
    const right = randomBytes(1000)
    await engine.set('key', right)
    await tamper(subject, 'key', randomBytes(1000))
    await t.throwsAsync(engine.get('key', exactly(right), { discard: true }), {
      instanceOf: DamagedError,
    })
    t.is(await engine.get('key', whole), undefined)
  })

  it('get with discard leaves a value alone that was repaired meanwhile', async (t, subject) => {
    const { engine } = subject
    const right = randomBytes(1000)
    await engine.set('key', randomBytes(1000))
    const prove = async (value: Buffer) => {
      if (value.equals(right)) return value
      await engine.set('key', right)
      return undefined
    }
    await engine.get('key', prove, { discard: true }).catch((error) => {
      t.true(error instanceof DamagedError)
    })
    t.deepEqual(await engine.get('key', whole), right)
  })

  it('get passes on a rejection of the proof', async (t, { engine }) => {
    await engine.set('key', Buffer.from('value'))
    const reason = new Error('no')
    const rejects = engine.get('key', () => Promise.reject(reason))
    t.is(await t.throwsAsync(rejects), reason)
    const throws = engine.get('key', () => {
      throw reason
    })
    t.is(await t.throwsAsync(throws), reason)
  })

  it('buffers handed to the proof are never written to again', async (t, { engine }) => {
    const values = Array.from({ length: 20 }, (_, i) => Buffer.alloc(20_000 + i, i))
    await Promise.all(values.map((value, i) => engine.set(`key${i}`, value)))
    const kept = await Promise.all(values.map((_, i) => engine.get(`key${i}`, whole)))
    await Promise.all(values.map((_, i) => engine.set(`key${i}`, Buffer.alloc(20_000, 255))))
    await Promise.all(values.map((_, i) => engine.get(`key${i}`, whole)))
    for (const [i, value] of values.entries()) t.true(kept[i]!.equals(value))
  })

  it('a value keeps its bytes, whatever its length', async (t, { engine }) => {
    for (const length of [0, 1, 23, 24, 25, 4096, 65_535, 65_536, 262_144, 1_000_000]) {
      const value = randomBytes(length)
      await engine.set(`length-${length}`, value)
      t.true((await engine.get(`length-${length}`, whole))!.equals(value), `${length}`)
    }
  })

  it('a value that is read keeps no memory but its own, or some of small ones', async (t, {
    engine,
  }) => {
    // Node cuts what is smaller than half of its pool out of that.
    const poolSize = Buffer.allocUnsafe(1).buffer.byteLength
    for (const length of [1, 100, 5000, 500_000]) {
      await engine.set('key', randomBytes(length))
      const { buffer } = (await engine.get('key', whole))!
      t.true(buffer.byteLength <= (length < poolSize / 2 ? poolSize : length), `${length}`)
    }
  })

  it('set replaces any other value and resolves with at least 1', async (t, { engine }) => {
    t.true((await engine.set('key', Buffer.from('one'))) >= 1)
    t.true((await engine.set('key', Buffer.from('two'))) >= 1)
    t.is(await engine.get('key', String), 'two')
  })

  it('the caller may reuse the bytes once set has settled', async (t, { engine }) => {
    const value = randomBytes(100_000)
    const copy = Buffer.from(value)
    await engine.set('key', value)
    value.fill(0)
    t.deepEqual(await engine.get('key', whole), copy)
  })

  it('add resolves with 0 and changes nothing where there is the key', async (t, { engine }) => {
    t.true((await engine.add('key', Buffer.from('one'))) >= 1)
    t.is(await engine.add('key', Buffer.from('two')), 0)
    t.is(await engine.get('key', String), 'one')
  })

  it('of many adds at once exactly one is first', async (t, { engine }) => {
    const adds = Array.from({ length: 20 }, (_, i) => engine.add('key', Buffer.from([i])))
    t.is((await Promise.all(adds)).filter((copies) => copies > 0).length, 1)
  })

  it('a value larger than any is refused and the old value is left alone', async (t, {
    engine,
  }) => {
    await engine.set('key', Buffer.from('old'))
    const tooLarge = Buffer.alloc((await engine.maxValueSize(3)) + 1)
    await t.throwsAsync(engine.set('key', tooLarge), { instanceOf: TooLargeError })
    await t.throwsAsync(engine.add('new', tooLarge), { instanceOf: TooLargeError })
    t.is(await engine.get('key', String), 'old')
    t.is(await engine.get('new', whole), undefined)
  })

  it('a set with a TTL lives that long', async (t, { engine }) => {
    await engine.set('short', Buffer.from('x'), { ttl: 1 })
    await engine.add('short-add', Buffer.from('x'), { ttl: 1 })
    await engine.set('month', Buffer.from('x'), { ttl: 30 * 24 * 3600 })
    await engine.set('over-a-month', Buffer.from('x'), { ttl: 30 * 24 * 3600 + 1 })
    await engine.set('years', Buffer.from('x'), { ttl: 9 * 365 * 24 * 3600 })
    await engine.set('for-ever', Buffer.from('x'), { ttl: 0 })
    await sleep(2500)
    for (const key of ['short', 'short-add']) t.is(await engine.get(key, whole), undefined, key)
    for (const key of ['month', 'over-a-month', 'years', 'for-ever']) {
      t.is(await engine.get(key, String), 'x', key)
    }
  })

  it('a TTL that is none is refused', async (t, { engine }) => {
    await engine.set('key', Buffer.from('old'))
    for (const ttl of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 40]) {
      const value = Buffer.from('x')
      await t.throwsAsync(engine.set('key', value, { ttl }), { instanceOf: InvalidArgumentError })
      await t.throwsAsync(engine.add('new', value, { ttl }), { instanceOf: InvalidArgumentError })
      await t.throwsAsync(engine.touch('key', ttl), { instanceOf: InvalidArgumentError })
    }
    t.is(await engine.get('key', String), 'old')
  })

  it('touch tells whether the key is there and extends its life', async (t, { engine }) => {
    t.false(await engine.touch('key', 10))
    await engine.set('key', Buffer.from('x'), { ttl: 3 })
    await engine.set('limited', Buffer.from('x'))
    t.true(await engine.touch('key', 0))
    t.true(await engine.touch('limited', 1))
    await sleep(4500)
    t.is(await engine.get('key', String), 'x')
    t.is(await engine.get('limited', whole), undefined)
  })

  it('delete tells whether the key was there', async (t, { engine }) => {
    await engine.set('key', Buffer.from('x'))
    t.true(await engine.delete('key'))
    t.false(await engine.delete('key'))
    t.is(await engine.get('key', whole), undefined)
  })

  it('look shows what is there, and puts a value in the place of that and of nothing else', async (t, {
    engine,
  }) => {
    if (engine.look === undefined) {
      t.pass('several servers have no such way')
      return
    }
    const absent = await engine.look('key')
    t.is(absent.current, undefined)
    t.true(await absent.put(Buffer.from('one'), 0))
    t.false(await absent.put(Buffer.from('two'), 0), 'it is there by now')
    const [one, same] = [await engine.look('key'), await engine.look('key')]
    t.is(String(one.current), 'one')
    t.true(await one.put(Buffer.from('two'), 0))
    t.false(await same.put(Buffer.from('three'), 0), 'it was replaced')
    t.is(await engine.get('key', String), 'two')
    const two = await engine.look('key')
    await engine.delete('key')
    t.false(await two.put(Buffer.from('three'), 0), 'it is gone')
    t.is(await engine.get('key', String), undefined)
  })

  it('a key of 1 to 250 bytes of printable ASCII will do', async (t, { engine }) => {
    for (const key of ['!', '~', 'a'.repeat(250), 'c:0123', '%20"\\']) {
      await engine.set(key, Buffer.from(key))
      t.is(await engine.get(key, String), key)
    }
  })

  it('any other key is refused and harms nobody', async (t, { engine }) => {
    const neighbours = Array.from({ length: 10 }, (_, i) => engine.set(`n${i}`, Buffer.from([i])))
    for (const key of ['', 'a'.repeat(251), 'with space', 'line\r\nbreak', 'nul\0', 'é', '\x7f']) {
      const refused = { instanceOf: InvalidArgumentError }
      await t.throwsAsync(engine.get(key, whole), refused)
      await t.throwsAsync(engine.set(key, Buffer.from('x')), refused)
      await t.throwsAsync(engine.add(key, Buffer.from('x')), refused)
      await t.throwsAsync(engine.touch(key, 0), refused)
      await t.throwsAsync(engine.delete(key), refused)
    }
    await Promise.all(neighbours)
    for (let i = 0; i < 10; i++) t.deepEqual(await engine.get(`n${i}`, whole), Buffer.from([i]))
  })

  it('maxValueSize is the largest value that can be stored', async (t, { engine }) => {
    const most = await engine.maxValueSize(66)
    t.true(Number.isSafeInteger(most) && most > 0)
    t.is((await engine.maxValueSize(67)) - most, -1)
  })

  it('ping resolves when the backend answers', async (t, { engine }) => {
    await t.notThrowsAsync(engine.ping())
  })

  it('stats tell what is there', async (t, { engine, servers = 1, isMute = false }) => {
    await engine.set('key', Buffer.from('x'))
    const stats = await engine.stats()
    t.is(stats.length, servers)
    t.true(stats.every(({ up }) => up))
    if (isMute) {
      t.true(stats[0]!.lacks!.includes('stats'))
      return
    }
    t.true(stats.some(({ items }) => items! >= 1))
    t.true(stats.some(({ bytes, limitBytes }) => bytes! > 0 && bytes! < limitBytes!))
  })

  it('an observer is told of every operation and its outcome', async (t, { engine, servers }) => {
    const seen: string[] = []
    const observer: EngineObserver = {
      operation(_server, operation, outcome, seconds) {
        t.true(seconds >= 0)
        seen.push(`${operation} ${outcome}`)
      },
    }
    engine.observe(observer)
    await engine.get('key', whole)
    await engine.touch('key', 0)
    await engine.delete('key')
    await engine.add('key', Buffer.from('x'))
    await engine.add('key', Buffer.from('x'))
    await engine.set('key', Buffer.from('x'))
    await engine.get('key', whole)
    await engine.get('key', () => undefined).catch(() => {})
    await engine.touch('key', 0)
    await engine.delete('key')
    await engine.close()
    await engine.get('key', whole).catch(() => {})
    const events = [
      'get absent',
      'touch absent',
      'delete absent',
      'add ok',
      'add absent',
      'set ok',
      'get ok',
      'get damaged',
      'touch ok',
      'delete ok',
      'get failed',
    ]
    if (servers === undefined) t.deepEqual(seen, events)
    else t.deepEqual(inOrder(events, seen), events, 'each server has its part in an operation')
  })

  it('after close everything rejects with UnavailableError', async (t, { engine }) => {
    await engine.set('key', Buffer.from('x'))
    await engine.close()
    await engine.close()
    const unavailable = { instanceOf: UnavailableError }
    await t.throwsAsync(engine.get('key', whole), unavailable)
    await t.throwsAsync(engine.set('key', Buffer.from('x')), unavailable)
    await t.throwsAsync(engine.add('key', Buffer.from('x')), unavailable)
    await t.throwsAsync(engine.touch('key', 0), unavailable)
    await t.throwsAsync(engine.delete('key'), unavailable)
    await t.throwsAsync(engine.maxValueSize(66), unavailable)
    await t.throwsAsync(engine.ping(), unavailable)
    t.false((await engine.stats())[0]!.up, 'but stats')
  })
}
