import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

export interface Load {
  url: string
  /** Requested in turn. */
  paths: readonly string[]
  connections: number
  seconds: number
  /** Uploads bodies of so many bytes in place of reads. */
  putBytes?: number
}

export interface LoadResult {
  requestsPerSecond: number
  /** Body bytes a second. */
  bytesPerSecond: number
  p50Ms: number
  p99Ms: number
  errors: number
}

/** Generates load with wrk. Counts whole answers; any but a 2xx is an error. */
export async function wrk(load: Load, bodyBytes: number): Promise<LoadResult> {
  const folder = mkdtempSync(join(tmpdir(), 'blobcached-bench-'))
  const script = join(folder, 'load.lua')
  writeFileSync(script, lua(load))
  const args = ['-t1', `-c${load.connections}`, `-d${load.seconds}s`, '--timeout', '30s']
  try {
    const { stdout } = await promisify(execFile)('wrk', [...args, '-s', script, load.url], {
      maxBuffer: 1 << 20,
    })
    const line = /^RESULT (.*)$/m.exec(stdout)?.[1]
    if (line === undefined) throw new Error(`wrk said:\n${stdout}`)
    const [requests = 0, micros = 1, p50 = 0, p99 = 0, errors = 0] = line.split(' ').map(Number)
    const requestsPerSecond = requests / (micros / 1e6)
    const bytesPerSecond = requestsPerSecond * bodyBytes
    return { requestsPerSecond, bytesPerSecond, p50Ms: p50 / 1000, p99Ms: p99 / 1000, errors }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function lua({ paths, putBytes }: Load): string {
  const list = paths.map((path) => `"${path}"`).join(',')
  const body =
    putBytes === undefined
      ? ''
      : `math.randomseed(7)
local block = {}
for i = 1, math.min(65536, ${putBytes}) do block[i] = string.char(math.random(0, 255)) end
local text = table.concat(block)
body = string.sub(string.rep(text, math.ceil(${putBytes} / #text)), 1, ${putBytes})`
  return `local paths = {${list}}
local next_path = 0
local body = nil
${body}
requests = {}
function init(args)
  for i, path in ipairs(paths) do
    requests[i] = wrk.format(body and "PUT" or "GET", path, nil, body)
  end
end
function request()
  next_path = next_path % #paths + 1
  return requests[next_path]
end
function done(summary, latency)
  local e = summary.errors
  print(string.format("RESULT %d %d %d %d %d", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), e.connect + e.read + e.write + e.status + e.timeout))
end
`
}
