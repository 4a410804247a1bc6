import { connect, type NetConnectOpts, type Socket } from 'node:net'

/** A client of the text protocol, one command at a time, that shares no code with the client under test. */
export class RawClient {
  readonly #where: NetConnectOpts
  #socket: Socket | undefined
  #received = Buffer.alloc(0)
  #wake: () => void = () => {}
  #turn: Promise<unknown> = Promise.resolve()

  constructor(where: NetConnectOpts) {
    this.#where = where
  }

  get(key: string): Promise<Buffer | undefined> {
    return this.#command(`get ${key}`, async () => {
      const line = await this.#line()
      if (line === 'END') return undefined
      const value = await this.#bytes(Number(line.split(' ')[3]))
      await this.#bytes(2)
      await this.#line()
      return value
    })
  }

  async set(key: string, value: Buffer, exptime = 0): Promise<void> {
    const answer = await this.#command(
      `set ${key} 0 ${exptime} ${value.length}`,
      () => this.#line(),
      value,
    )
    if (answer !== 'STORED') throw new Error(`set ${key}: ${answer}`)
  }

  /** Stores the value unless the key exists; returns whether it did. */
  async add(key: string, value: Buffer): Promise<boolean> {
    const answer = await this.#command(`add ${key} 0 0 ${value.length}`, () => this.#line(), value)
    return answer === 'STORED'
  }

  async delete(key: string): Promise<boolean> {
    return (await this.#command(`delete ${key}`, () => this.#line())) === 'DELETED'
  }

  async flush(): Promise<void> {
    await this.#command('flush_all', () => this.#line())
  }

  /** Returns the time to live in seconds, -1 for none, `undefined` without the key. */
  async ttl(key: string): Promise<number | undefined> {
    const line = await this.#command(`mg ${key} t`, () => this.#line())
    return line.startsWith('HD t') ? Number(line.slice(4)) : undefined
  }

  keys(): Promise<string[]> {
    return this.#command('lru_crawler metadump all', async () => {
      const keys: string[] = []
      for (let line = await this.#line(); line !== 'END'; line = await this.#line()) {
        const key = /^key=(\S+)/.exec(line)?.[1]
        if (key === undefined) throw new Error(`metadump: ${line}`)
        keys.push(decodeURIComponent(key))
      }
      return keys
    })
  }

  stats(kind = ''): Promise<Record<string, string>> {
    return this.#command(`stats ${kind}`.trim(), async () => {
      const stats: Record<string, string> = {}
      for (let line = await this.#line(); line !== 'END'; line = await this.#line()) {
        const [, name = '', value = ''] = line.split(' ')
        stats[name] = value
      }
      return stats
    })
  }

  close(): void {
    this.#socket?.destroy()
    this.#socket = undefined
  }

  #command<R>(line: string, answer: () => Promise<R>, value?: Buffer): Promise<R> {
    const result = this.#turn.then(() => {
      const socket = this.#connect()
      socket.write(`${line}\r\n`)
      if (value) {
        socket.write(value)
        socket.write('\r\n')
      }
      return answer()
    })
    this.#turn = result.catch(() => this.close())
    return result
  }

  #connect(): Socket {
    if (this.#socket) return this.#socket
    this.#received = Buffer.alloc(0)
    const socket = connect(this.#where)
    socket.unref()
    socket.on('data', (bytes: Buffer) => {
      this.#received = Buffer.concat([this.#received, bytes])
      this.#wake()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      if (this.#socket === socket) this.#socket = undefined
      this.#wake()
    })
    this.#socket = socket
    return socket
  }

  async #until(ready: () => boolean): Promise<void> {
    while (!ready()) {
      if (!this.#socket) throw new Error('memcached closed the connection')
      this.#socket.ref()
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      this.#socket?.unref()
    }
  }

  async #line(): Promise<string> {
    await this.#until(() => this.#received.includes('\n'))
    const end = this.#received.indexOf('\n')
    const line = this.#received.toString('latin1', 0, end)
    this.#received = this.#received.subarray(end + 1)
    // The lines of a metadump end without a carriage return.
    return line.trimEnd()
  }

  async #bytes(length: number): Promise<Buffer> {
    await this.#until(() => this.#received.length >= length)
    const bytes = Buffer.from(this.#received.subarray(0, length))
    this.#received = this.#received.subarray(length)
    return bytes
  }
}
