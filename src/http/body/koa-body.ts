/**
 * koa-body and the parser of forms behind it. They make up half of the server's code in memory, and few servers
 * ever get a form or a list of hashes, so that the first one that comes brings them in.
 */
export async function bodyParser() {
  const [{ default: koaBody }, { multipart }] = await Promise.all([
    import('koa-body'),
    import('formidable'),
  ])
  return { koaBody, multipart }
}
