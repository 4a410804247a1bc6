export interface Part {
  field?: string
  filename?: string
  type?: string
  headers?: string[]
  content?: string | Buffer
}

export const BOUNDARY = '----formBoundary7MA4YWxkTrZu0gW'

export function formType(boundary = BOUNDARY): Record<string, string> {
  return { 'Content-Type': `multipart/form-data; boundary=${boundary}` }
}

/** Returns a multipart/form-data body as a browser writes it. */
export function formBody(...parts: Part[]): Buffer {
  return Buffer.concat([...parts.map(partBytes), Buffer.from(`--${BOUNDARY}--\r\n`)])
}

export function partBytes(part: Part): Buffer {
  return Buffer.concat([partHead(part), Buffer.from(part.content ?? ''), Buffer.from('\r\n')])
}

export function partHead({ field = 'file', filename, type, headers = [] }: Part): Buffer {
  const file = filename === undefined ? '' : `; filename="${filename.replaceAll('"', '%22')}"`
  const lines = [
    `--${BOUNDARY}`,
    `Content-Disposition: form-data; name="${field}"${file}`,
    ...(type === undefined ? [] : [`Content-Type: ${type}`]),
    ...headers,
  ]
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`)
}
