/** What we use of memjs 1.3.2, which ships no types. */
declare module 'memjs' {
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
  }
  export default memjs
}
