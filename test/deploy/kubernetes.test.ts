import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import test from 'ava'
import { Deployment, StatefulSet } from 'kubernetes-models/apps/v1'
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1'
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1'
import { Service } from 'kubernetes-models/v1'
import { parse, parseAllDocuments } from 'yaml'
import { serveCommand } from '../../src/cli/commands/serve.ts'
import { typeErrors } from '../helpers/type-check.ts'

interface Manifest {
  apiVersion: string
  kind: keyof typeof MODELS
  metadata: { name: string }
  spec: {
    selector?: { matchLabels?: object }
    template: { metadata: { labels: object }; spec: PodSpec }
    replicas: number
  }
}
interface PodSpec {
  terminationGracePeriodSeconds: number
  containers: {
    args?: string[]
    env?: { name: string; value: string }[]
    securityContext: object
  }[]
}

const MODELS = { Deployment, StatefulSet, Service, PodDisruptionBudget, NetworkPolicy }

const FOLDER = new URL('../../deploy/kubernetes/', import.meta.url)
const manifests = (
  await Promise.all(
    ['blobcached.yaml', 'memcached.yaml'].map(async (file) =>
      parseAllDocuments(await readFile(new URL(file, FOLDER), 'utf8')).map((document) => {
        if (document.errors.length > 0) throw document.errors[0]
        return document.toJS() as Manifest
      }),
    ),
  )
).flat()

const find = (kind: keyof typeof MODELS, name: string) =>
  manifests.find((each) => each.kind === kind && each.metadata.name === name)!

test('each manifest is valid by the schemas of Kubernetes, and has no unknown field', async (t) => {
  t.is(manifests.length, 7)
  for (const manifest of manifests) {
    const Model = MODELS[manifest.kind] as new (data: object) => { validate(): void }
    t.notThrows(() => new Model(manifest).validate(), `${manifest.kind} ${manifest.metadata.name}`)
  }
  const imports = `import type { IDeployment, IStatefulSet } from 'kubernetes-models/apps/v1'
import type { INetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1'
import type { IPodDisruptionBudget } from 'kubernetes-models/policy/v1'
import type { IService } from 'kubernetes-models/v1'`
  const values = manifests.map((value) => ({ value, type: `I${value.kind}` }))
  t.is(await typeErrors(imports, values), '')
})

test('every setting is one, and the server has time to drain', (t) => {
  const { spec } = find('Deployment', 'blobcached').spec.template
  const { env = [] } = spec.containers[0]!
  const known = new Map(serveCommand().options.map((option) => [option.envVar, option]))
  for (const { name, value } of env) {
    t.notThrows(() => known.get(name)!.parseArg?.(value, undefined), `${name}=${value}`)
  }
  const seconds = ['BLOBCACHED_DRAIN', 'BLOBCACHED_DRAIN_DELAY'].map((wanted) =>
    Number.parseInt(env.find(({ name }) => name === wanted)!.value, 10),
  )
  t.true(spec.terminationGracePeriodSeconds > seconds[0]! + seconds[1]!)
})

test('memcached knows its arguments, here and in docker-compose.yml', async (t) => {
  const [container] = find('StatefulSet', 'memcached').spec.template.spec.containers
  const compose = parse(await readFile(new URL('../../docker-compose.yml', FOLDER), 'utf8'))
  for (const args of [container!.args!, compose['x-memcached'].command as string[]]) {
    await t.notThrowsAsync(promisify(execFile)('memcached', [...args, '-V']), args.join(' '))
  }
})

test('the servers are given the address of every memcached', (t) => {
  const { replicas } = find('StatefulSet', 'memcached').spec
  const { env } = find('Deployment', 'blobcached').spec.template.spec.containers[0]!
  const hosts = Array.from({ length: replicas }, (_, index) => `memcached-${index}.memcached:11211`)
  t.is(env!.find(({ name }) => name === 'BLOBCACHED_MEMCACHED')!.value, hosts.join(','))
})

test('selectors select the pods that they are about, and containers are confined', (t) => {
  for (const [kind, name] of [
    ['Deployment', 'blobcached'],
    ['StatefulSet', 'memcached'],
  ] as const) {
    const { template } = find(kind, name).spec
    for (const each of [find(kind, name), find('PodDisruptionBudget', name)]) {
      t.deepEqual(each.spec.selector!.matchLabels, template.metadata.labels, `${each.kind} ${name}`)
    }
    t.deepEqual(find('Service', name).spec.selector, template.metadata.labels)
    for (const { securityContext } of template.spec.containers) {
      t.deepEqual(securityContext, {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      })
    }
  }
})
