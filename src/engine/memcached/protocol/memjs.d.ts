/** What we use of memjs 1.3.2, which ships no types. */
declare module 'memjs' {
  export interface Header {
    magic: number
    opcode: number
    keyLength: number
    extrasLength: number
    dataType: number
    status: number
    totalBodyLength: number
    opaque: number
    cas: Buffer
  }

  const memjs: {
    Utils: {
      makeRequestBuffer(
        opcode: number,
        key: string | Buffer,
        extras: string | Buffer,
        value: string | Buffer,
        opaque?: number,
      ): Buffer
      makeExpiration(seconds: number): Buffer
    }
    Header: { fromBuffer(bytes: Buffer): Header }
  }
  export default memjs
}
