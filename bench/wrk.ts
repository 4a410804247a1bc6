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
  // As many bodies as paths, up to a gigabyte of them: each starts with its number, again and again.
  const bodies =
    putBytes === undefined ? 0 : Math.max(2, Math.min(paths.length, Math.floor(1e9 / putBytes)))
  return `local paths = {${list}}
local next_path = 0
local bodies, size = ${bodies}, ${putBytes ?? 0}
local block = {}
if bodies > 0 then
  math.randomseed(7)
  for i = 1, math.min(65536, size) - 20 do block[i] = string.char(math.random(0, 255)) end
end
local text = table.concat(block)
local function body(i)
  if bodies == 0 then return nil end
  local part = string.format("%020d", i % bodies) .. text
  return string.sub(string.rep(part, math.ceil(size / #part)), 1, size)
end
requests = {}
function init(args)
  for i, path in ipairs(paths) do
    requests[i] = wrk.format(bodies > 0 and "PUT" or "GET", path, nil, body(i))
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
