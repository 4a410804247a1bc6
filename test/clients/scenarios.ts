import { createHash } from 'node:crypto'
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { type Backend, damage, evictHalf, startBackend, untilReady } from './backend.ts'
import type { FoundTool, Tool } from './tools.ts'

const EXAMPLES = fileURLToPath(new URL('../../examples', import.meta.url))

export interface Client {
  /** Its folder under examples/. */
  readonly example: string
  /** Which of several ways to use the tool. */
  readonly variant?: string
  readonly tool: Tool
  /** Paths in the workspace that a build makes. */
  readonly outputs: readonly string[]
  /** Makes a copy of the workspace ready for the first build. */
  prepare?(workspace: string, tool: FoundTool, t: ExecutionContext): Promise<void>
  /** Forgets all that is cached locally, and the outputs. */
  clean(workspace: string): Promise<void>
  /** Builds with the remote cache at `url`; rejects when the build fails. */
  build(workspace: string, url: string, tool: FoundTool): Promise<Built>
}

export interface Built {
  /** Whether the remote cache had all of it. */
  isHit: boolean
  /** What the tool printed. */
  log: string
}

/** What every tool must live through: each time the build succeeds and makes the right outputs. */
export function clientScenarios(client: Client): void {
  const scenario: Scenario = (what, body) => clientScenario(client, what, body)

  scenario('the second build hits', async (session) => {
    await session.build({ isHit: false })
    await session.build({ isHit: true })
  })
  scenario('every chunk damaged: no hit, then healed', async (session) => {
    await session.build({ isHit: false })
    await damage(session.memcached, 'chunks')
    await session.build({ isHit: false })
    await session.build({ isHit: true })
  })
  scenario('everything damaged: no hit, then healed', async (session) => {
    await session.build({ isHit: false })
    await damage(session.memcached, 'all')
    await session.build({ isHit: false })
    await session.build({ isHit: true })
  })
  scenario('half of the keys evicted: built, then healed', async (session) => {
    await session.build({ isHit: false })
    await evictHalf(session.memcached)
    await session.build()
    await session.build({ isHit: true })
  })
  scenario('memcached stopped: built; back again: hits again', async (session) => {
    await session.build({ isHit: false })
    await session.memcached.stop('SIGKILL')
    await session.build({ isHit: false })
    await session.memcached.start()
    await untilReady(session)
    await session.build({ isHit: false })
    await session.build({ isHit: true })
  })
  scenario('memcached does not answer: built; answers again: hits', async (session) => {
    await session.build({ isHit: false })
    session.memcached.freeze()
    await session.build({ isHit: false })
    session.memcached.thaw()
    await untilReady(session)
    await session.build()
    await session.build({ isHit: true })
  })
}

type Scenario = (what: string, body: (session: Session) => Promise<void>) => void

/** One more thing that this client must live through. */
export function clientScenario(client: Client, ...[what, body]: Parameters<Scenario>): void {
  const { variant, tool } = client
  const title = variant === undefined ? what : `${variant}: ${what}`
  if (tool.isMissing) test.skip(`${title} (not tested: there is no such tool)`, () => {})
  else test.serial(title, async (t) => body(await startSession(t, client, tool)))
}

export interface Session extends Backend {
  /** The copy of the example that is built. */
  readonly workspace: string
  /** Builds from nothing local and compares the outputs with those of the first build. */
  build(expected?: { isHit: boolean }): Promise<void>
}

async function startSession(
  t: ExecutionContext,
  client: Client,
  tool: FoundTool,
): Promise<Session> {
  const backend = await startBackend(t)
  const workspace = await mkdtemp(join(tmpdir(), `blobcached-${client.example}-`))
  t.teardown(() => rm(workspace, { recursive: true, force: true }))
  await cp(join(EXAMPLES, client.example), workspace, { recursive: true })
  await client.prepare?.(workspace, tool, t)
  let first: string[] | undefined
  const build = async (expected?: { isHit: boolean }) => {
    await client.clean(workspace)
    const { isHit, log } = await client.build(workspace, backend.url, tool)
    if (expected !== undefined) t.is(isHit, expected.isHit, log)
    const digests = await Promise.all(client.outputs.map((path) => sha256(join(workspace, path))))
    first ??= digests
    t.deepEqual(digests, first)
  }
  return { ...backend, workspace, build }
}

async function sha256(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex')
}
