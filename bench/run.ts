/**
 * npm run bench: measures blobcached and its peers in turn. --write puts the results into
 * docs/benchmarks.md, --quick takes a quarter of an hour, --only=throughput,memory picks parts; --sizes,
 * --rounds and --seconds set sizes and time.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { parseArgs } from 'node:util'
import { batchesSection } from './batches.ts'
import { throughputChart } from './chart.ts'
import { clientSection, protocolsSection } from './client.ts'
import { clientsSection } from './clients.ts'
import {
  type Contender,
  startBlobcached,
  startMemcached,
  startNginx,
  startRedisPeer,
} from './contenders.ts'
import { firstByteSection } from './first-byte.ts'
import { fleetSection } from './fleet.ts'
import { limitsSection } from './limits.ts'
import { memorySection } from './memory.ts'
import { moverSection } from './mover.ts'
import { pricesSections } from './prices.ts'
import { ensurePrograms } from './programs.ts'
import { retainedSection } from './retained.ts'
import type { Effort, Section } from './section.ts'
import { measureThroughput, throughputSection } from './throughput.ts'

const PARTS =
  'limits,client,protocols,throughput,batches,fleet,first-byte,clients,memory,retained,mover,prices'

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    only: { type: 'string', default: PARTS },
    sizes: { type: 'string' },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
  },
})
const parts = new Set(flags.only.split(','))
const effort: Effort = flags.quick
  ? { seconds: 2, rounds: 1, sizes: [4096, 1_000_000, 16_000_000] }
  : { seconds: 3, rounds: 5, sizes: [4096, 65_536, 1_000_000, 16_000_000, 128_000_000] }
if (flags.sizes !== undefined) effort.sizes = flags.sizes.split(',').map(Number)
if (flags.rounds !== undefined) effort.rounds = Number(flags.rounds)
if (flags.seconds !== undefined) effort.seconds = Number(flags.seconds)

const PAGE = new URL('../docs/benchmarks.md', import.meta.url)
const CHART = new URL('../docs/benchmarks.svg', import.meta.url)

ensurePrograms(['memcached', 'nginx', 'redis-server', 'wrk'])
execFileSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' })
const sections: Section[] = []
if (parts.has('limits')) sections.push(await limitsSection(effort.seconds))
if (parts.has('client')) sections.push(await clientSection(effort))
if (parts.has('protocols')) sections.push(await protocolsSection(effort))
await withContenders(async (contenders, values) => {
  if (parts.has('throughput')) {
    const measured = await measureThroughput(contenders, values, effort)
    sections.push(throughputSection(measured))
    if (flags.write) writeFileSync(CHART, throughputChart(measured))
  }
  const single = contenders.filter(({ name }) => !name.includes(','))
  if (parts.has('first-byte')) sections.push(await firstByteSection(single))
  if (parts.has('clients')) sections.push(await clientsSection(single, values, effort))
})
if (parts.has('batches')) sections.push(await batchesSection(effort))
if (parts.has('fleet')) sections.push(await fleetSection(effort))
if (parts.has('memory')) sections.push(await memorySection(effort.seconds))
if (parts.has('retained')) sections.push(await retainedSection())
if (parts.has('mover')) sections.push(await moverSection())
if (parts.has('prices')) sections.push(...(await pricesSections(effort)))

console.log(sections.map(({ title, text }) => `### ${title}\n\n${text}\n`).join('\n'))
if (flags.write) for (const section of sections) write(section)

async function withContenders(
  work: (contenders: readonly Contender[], values: { port: number }) => Promise<void>,
): Promise<void> {
  if (!['throughput', 'first-byte', 'clients'].some((part) => parts.has(part))) return
  const memcached = await startMemcached(6144)
  const values = await startMemcached(2048)
  const address = `127.0.0.1:${memcached.port}`
  const ours = (name: string, ...args: string[]) => startBlobcached(name, address, args)
  const contenders = [
    await startNginx(values.port),
    await startNginx(values.port, true),
    await startRedisPeer(),
    await ours('blobcached'),
    await ours('blobcached, 2 workers', '--workers', '2'),
    await ours('blobcached, hot', '--hot-cache', '256MiB'),
  ]
  try {
    await work(contenders, values)
  } finally {
    for (const running of [...contenders, memcached, values]) await running.stop()
  }
}

/** Replaces a section of the page, up to the next one, and says how it was measured. */
function write({ title, text }: Section): void {
  const page = readFileSync(PAGE, 'utf8')
  const machine = `${cpus().length} × ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node.js ${process.version}`
  const command = `npm run bench -- ${process.argv.slice(2).join(' ')}`.trim()
  const how = `\`${command}\` on ${new Date().toISOString().slice(0, 10)}: ${machine}.`
  const section = `### ${title}\n\n${how}\n\n${text}\n\n`
  const start = page.indexOf(`### ${title}\n`)
  const after = /^(?:#{2,3} |<!-- end)/m.exec(page.slice(start + 4))
  const end = start === -1 ? -1 : start + 4 + after!.index
  const at = page.indexOf('<!-- end of results -->')
  const written =
    start === -1
      ? page.slice(0, at) + section + page.slice(at)
      : page.slice(0, start) + section + page.slice(end)
  writeFileSync(PAGE, written)
}
