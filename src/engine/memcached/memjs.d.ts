/** What we use of memjs 1.3.2, which ships no types. */
declare module 'memjs' {
  import type { EventEmitter } from 'node:events'
  import type { Request } from './request.ts'
  import type { Response } from './response.ts'

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
    constructor(servers: Server[])
    servers: Server[]
    seq: number
    incrSeq(): void
    /** Chooses the server for `key`. */
    server(key: string): Server | null
    close(): void | Promise<void>
  }

  const memjs: { Server: typeof Server; Client: typeof Client }
  export default memjs
}
