import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test, { type ExecutionContext } from 'ava'
import { parse, stringify } from 'yaml'
import { memcached } from '../../src/index.ts'
import { bytes } from '../helpers/bytes.ts'
import { startMemcached } from '../helpers/memcached.ts'
import { freePort } from '../helpers/ports.ts'
import { startTestServer } from '../helpers/server.ts'
import { until } from '../helpers/watchdog.ts'

const run = promisify(execFile)
const path = (relative: string) => fileURLToPath(new URL(`../../${relative}`, import.meta.url))
const RULES = path('deploy/prometheus')

const isHere = ['prometheus', 'promtool'].every(
  (tool) => spawnSync(tool, ['--version']).status === 0,
)
if (!isHere) {
  console.error(
    'SKIPPED: alerts and dashboard. They need Prometheus (Debian: apt-get install prometheus).',
  )
}
const testIf = isHere ? test : test.skip

interface Rule {
  alert: string
  expr: string
  labels: { severity: string }
  annotations: { summary: string; runbook: string }
}
interface Rules {
  groups: { rules: Rule[] }[]
}
interface Dashboard {
  panels: { title: string; targets?: { expr: string }[] }[]
}

const rules = (parse(await readFile(join(RULES, 'alerts.yml'), 'utf8')) as Rules).groups[0]!.rules
const dashboard = JSON.parse(
  await readFile(path('deploy/grafana/blobcached.json'), 'utf8'),
) as Dashboard

testIf(
  'promtool finds nothing wrong with rules and configuration, and each alert fires when it should',
  async (t) => {
    for (const args of [
      ['check', 'config', 'prometheus.yml'],
      ['check', 'rules', '--lint=all', '--lint-fatal', 'alerts.yml'],
      ['test', 'rules', 'alerts.test.yml'],
    ]) {
      await t.notThrowsAsync(run('promtool', args, { cwd: RULES }), args.join(' '))
    }
  },
)

test('each alert has a severity, a test, and a section of docs/operations.md', async (t) => {
  const tests = await readFile(join(RULES, 'alerts.test.yml'), 'utf8')
  const page = await readFile(path('docs/operations.md'), 'utf8')
  for (const { alert, labels, annotations } of rules) {
    t.true(['critical', 'warning'].includes(labels.severity), alert)
    t.is(annotations.runbook, `docs/operations.md#${alert.toLowerCase()}`)
    t.regex(page, new RegExp(`^#### ${alert}\n\n${labels.severity}`, 'im'), alert)
    t.regex(tests, new RegExp(`alertname: ${alert}\n +exp_alerts:\n`), alert)
  }
})

testIf(
  'a Prometheus that scrapes a server answers every query of dashboard and alerts',
  async (t) => {
    const { address } = await startMemcached(t)
    const server = await startTestServer(t, {
      engine: memcached(address),
      metrics: { process: true },
    })
    const prometheus = await startPrometheus(t, new URL(server.url).host)
    const traffic = async () => {
      await fetch(`${server.url}/files/a`, { method: 'PUT', body: bytes('a', 1000) })
      for (const name of ['a', 'b']) await (await fetch(`${server.url}/files/${name}`)).text()
      const [sample] = await prometheus.query('count_over_time(up{job="blobcached"}[1m]) >= 3')
      return sample !== undefined
    }
    await until('three scrapes', traffic, 200)
    const metrics = await (await fetch(`${server.url}/metrics`)).text()

    const known = (name: string) =>
      name === 'up' || new RegExp(`^# TYPE ${name.replace(/_bucket$/, '')} `, 'm').test(metrics)
    const shown = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
    t.true(shown.length > 30)
    for (const expr of [...shown, ...rules.map(({ expr }) => expr)]) {
      const names = [...expr.matchAll(/\b(?:blobcached|process|nodejs)_\w+|\bup\b/g)].map(String)
      t.true(names.length > 0, expr)
      for (const name of names) t.true(known(name), name)
      const samples = await prometheus.query(expr)
      // A metric of the connection or of copies has samples only once something happened.
      const hasSamples = names.every((name) => new RegExp(`^${name}[{ ]`, 'm').test(metrics))
      if (shown.includes(expr) && hasSamples) t.true(samples.length > 0, expr)
    }
  },
)

interface Prometheus {
  /** Returns the samples; rejects for a query that is not right. */
  query(expr: string): Promise<unknown[]>
}

/** Starts one with the configuration of deploy/, for this target. */
async function startPrometheus(t: ExecutionContext, target: string): Promise<Prometheus> {
  const folder = await mkdtemp(join(tmpdir(), 'blobcached-prometheus-'))
  const config = parse(await readFile(join(RULES, 'prometheus.yml'), 'utf8'))
  config.global = { scrape_interval: '1s', evaluation_interval: '1s' }
  config.rule_files = [join(RULES, 'alerts.yml')]
  config.scrape_configs[0].static_configs[0].targets = [target]
  const file = join(folder, 'prometheus.yml')
  await writeFile(file, stringify(config))

  const address = `127.0.0.1:${await freePort()}`
  const args = [
    `--config.file=${file}`,
    `--storage.tsdb.path=${folder}/data`,
    `--web.listen-address=${address}`,
  ]
  const child = spawn('prometheus', args, { stdio: 'ignore' })
  t.teardown(async () => {
    await ended(child)
    await rm(folder, { recursive: true, force: true })
  })
  const isReady = async () => (await fetch(`http://${address}/-/ready`)).ok
  await until('Prometheus', () => isReady().catch(() => false), 100)

  const query = async (expr: string) => {
    const filled = expr
      .replaceAll('$__rate_interval', '1m')
      .replaceAll('$job', 'blobcached')
      .replaceAll('$instance', '.*')
    const url = `http://${address}/api/v1/query?query=${encodeURIComponent(filled)}`
    const { status, data, error } = (await (await fetch(url)).json()) as {
      status: string
      data: { result: unknown[] }
      error: string
    }
    if (status !== 'success') throw new Error(`${filled}: ${error}`)
    return data.result
  }
  return { query }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const exit = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await exit
}
