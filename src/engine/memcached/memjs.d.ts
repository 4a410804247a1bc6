/** What we use of memjs 1.3.2, which ships no types. */
declare module 'memjs' {
  import type { EventEmitter } from 'node:events'
  import type { Request } from './request.ts'
  import type { Response } from './response.ts'

  interface ClientOptions {
    /** Attempts in all, the first included. */
    retries?: number
    logger?: { log(...messages: unknown[]): void }
  }

  class Server extends EventEmitter {
    constructor(host: string, port: number, username?: string, password?: string, options?: object)
    host: string
    port: number
    username: string | undefined
    password: string | undefined
    onResponse(seq: number, callback: (response: Response) => void): void
    onError(seq: number, callback: (error: Error) => void): void
    write(request: Request | Buffer): void
    close(): void | Promise<void>
  }

  class Client {
    constructor(servers: Server[], options?: ClientOptions)
    servers: Server[]
    seq: number
    incrSeq(): void
    /** Chooses the server for `key`. */
    server(key: string): Server | null
    /** Registers the callbacks with the server for `key` and hands it the request. */
    perform(
      key: string,
      request: Request | Buffer,
      seq: number,
      callback: (error: Error | null, response: Response) => void,
    ): void
    close(): void | Promise<void>
  }

  const memjs: { Server: typeof Server; Client: typeof Client }
  export default memjs
}
