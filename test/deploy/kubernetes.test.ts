import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, globSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { before, describe, test } from 'node:test'
import { parseAllDocuments } from 'yaml'
import { loadConfig } from '../../src/config/index.ts'
import { isFault } from '../../src/kit/index.ts'
import { scratchDirectory } from '../fakes/scratch.ts'
import { ensureDebianPackages } from '../services/install.ts'

const root = path.resolve(import.meta.dirname, '../..')
const folder = path.join(root, 'deploy/kubernetes')
const scratch = scratchDirectory()

interface Thing {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> }
  readonly spec?: Readonly<Record<string, unknown>>
}

interface Pod {
  readonly metadata: { readonly labels: Readonly<Record<string, string>> }
  readonly spec: {
    readonly serviceAccountName: string
    readonly enableServiceLinks: boolean
    readonly terminationGracePeriodSeconds: number
    readonly securityContext: Readonly<Record<string, unknown>>
    readonly volumes: readonly { readonly name: string }[]
    readonly containers: readonly Container[]
  }
}

interface Container {
  readonly image: string
  readonly args: readonly string[]
  readonly securityContext: Readonly<Record<string, unknown>>
  readonly resources: { readonly requests: Readonly<Record<string, string>>; readonly limits: Readonly<Record<string, string>> }
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[]
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[]
}

function thingsOf(text: string): Thing[] {
  return parseAllDocuments(text).map((document) => {
    assert.deepEqual([document.errors, document.warnings], [[], []])
    return document.toJS() as Thing
  })
}

const files = globSync('*.yaml', { cwd: folder }).toSorted()
const written = new Map(files.map((file) => [file, thingsOf(readFileSync(path.join(folder, file), 'utf8'))]))
const things = [...written].flatMap(([file, each]) => (file === 'kustomization.yaml' ? [] : each))

/** The template of pods in what makes pods, and in the state that a StatefulSet adds. */
function podsOf(
  all: readonly Thing[],
): { readonly name: string; readonly pod: Pod; readonly claims: readonly string[]; readonly selector: unknown }[] {
  return all.flatMap(({ kind, metadata, spec }) => {
    const holder = (kind === 'CronJob' ? (spec as { jobTemplate: { spec: object } }).jobTemplate.spec : spec) as
      | { template?: Pod; selector?: { matchLabels: object }; volumeClaimTemplates?: { metadata: { name: string } }[] }
      | undefined
    if (holder?.template === undefined) return []
    return [
      {
        name: `${kind} ${metadata.name}`,
        pod: holder.template,
        selector: holder.selector?.matchLabels,
        claims: (holder.volumeClaimTemplates ?? []).map((claim) => claim.metadata.name),
      },
    ]
  })
}

/** The interface and the module that describe a thing in `kubernetes-models`. */
const modelOf = ({ apiVersion, kind }: Thing) => `kubernetes-models/${apiVersion}/${kind}`

describe('the manifests', () => {
  test('hold to the API of Kubernetes: values by its validators', async () => {
    for (const thing of things) {
      const module = (await import(modelOf(thing))) as Record<string, new (data: object) => { validate(): void }>
      const model = new module[thing.kind]!(thing)
      assert.doesNotThrow(() => model.validate(), `${thing.kind} ${thing.metadata.name}`)
    }
  })

  test('hold to it: names by its types, since validators let unknown ones pass', () => {
    const program = (all: readonly Thing[]) =>
      all
        .map(
          (thing, at) =>
            `import type { I${thing.kind} as I${at} } from '${modelOf(thing)}'\nexport const thing${at}: I${at} = ${JSON.stringify(thing)}\n`,
        )
        .join('')
    assert.deepEqual(compile(program(things)), [0, ''])
    const misspelt = JSON.parse(JSON.stringify(things).replaceAll('"readinessProbe"', '"readynessProbe"')) as Thing[]
    const [status, said] = compile(program(misspelt))
    assert.notEqual(status, 0)
    assert.match(said, /readynessProbe/)
  })

  function compile(source: string): [status: number | null, said: string] {
    const project = mkdtempSync(path.join(scratch, 'types-'))
    symlinkSync(path.join(root, 'node_modules'), path.join(project, 'node_modules'))
    writeFileSync(path.join(project, 'things.ts'), source)
    const settings = '--noEmit --strict --skipLibCheck --module nodenext --target es2024 --types node'.split(' ')
    const { status, stdout } = spawnSync('tsc', [...settings, 'things.ts'], { cwd: project, encoding: 'utf8' })
    return [status, stdout]
  }
})

describe('each pod', () => {
  const pods = podsOf(things)

  test('is one of five', () => {
    assert.deepEqual(
      pods.map(({ name }) => name),
      [
        'CronJob holdfast',
        'StatefulSet holdfast-serve',
        'Deployment holdfast-serve',
        'Deployment holdfast-daemon',
        'Deployment holdfast-worker',
      ],
    )
  })

  for (const { name, pod, claims, selector } of pods) {
    test(`${name} keeps to the restricted profile, and to a root that nobody writes`, () => {
      const { seccompProfile, ...who } = pod.spec.securityContext
      assert.deepEqual(seccompProfile, { type: 'RuntimeDefault' })
      assert.deepEqual([who['runAsNonRoot'], who['runAsUser']], [true, 10_001])
      for (const { securityContext } of pod.spec.containers) {
        assert.deepEqual(securityContext, {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        })
      }
    })

    test(`${name} has what it mounts, says what it needs, and mounts what holdfast writes to`, () => {
      const volumes = [...pod.spec.volumes.map((volume) => volume.name), ...claims].toSorted()
      for (const { volumeMounts, resources } of pod.spec.containers) {
        assert.deepEqual(volumeMounts.map((mount) => mount.name).toSorted(), volumes)
        assert.deepEqual(
          volumeMounts.map((mount) => mount.mountPath),
          ['/etc/holdfast', '/var/lib/holdfast', '/var/cache/holdfast', '/tmp'],
        )
        assert.deepEqual(Object.keys(resources.requests), ['cpu', 'memory'])
        assert.deepEqual(Object.keys(resources.limits), ['memory'], 'a limit of CPU only makes it slow')
      }
    })

    test(`${name} is a known account, is selected by its own labels, and takes no variables from services`, () => {
      const accounts = things.filter(({ kind }) => kind === 'ServiceAccount').map(({ metadata }) => metadata.name)
      assert.ok(accounts.includes(pod.spec.serviceAccountName))
      if (selector !== undefined) assert.deepEqual(selector, pod.metadata.labels)
      assert.equal(pod.spec.enableServiceLinks, false)
    })
  }

  test('of a server is what the Service, the budget and the policy mean', () => {
    const server = { 'app.kubernetes.io/name': 'holdfast', 'app.kubernetes.io/component': 'serve' }
    const meant = things.flatMap(({ kind, metadata, spec }) => {
      if (kind === 'Service') return [spec!['selector']]
      const selector = spec?.[kind === 'PodDisruptionBudget' ? 'selector' : 'podSelector'] as { matchLabels: unknown } | undefined
      return metadata.name === 'holdfast-serve' && selector !== undefined && !kind.endsWith('Set') ? [selector.matchLabels] : []
    })
    assert.deepEqual(meant, [server, server, server])
  })

  test('that works has longer to end than its units have', async () => {
    const config = await loadConfig({ cwd: folder, env: {} })
    for (const { pod } of pods.filter((each) => each.pod.spec.containers[0]!.args[0] !== 'serve'))
      assert.ok(pod.spec.terminationGracePeriodSeconds * 1000 > config.daemon.grace)
  })

  test('that serves listens where the Service sends, for others than itself', async () => {
    const { serve } = await loadConfig({ cwd: folder, env: {} })
    assert.deepEqual([serve.host, serve.names], ['0.0.0.0', undefined])
    for (const { pod } of pods.filter((each) => each.pod.spec.containers[0]!.args[0] === 'serve'))
      assert.deepEqual(pod.spec.containers[0]!.ports, [{ name: 'http', containerPort: serve.port }])
  })
})

describe('kustomize', () => {
  let why: string | undefined
  before(async () => {
    why = await whyNoKubectl()
  })

  for (const [what, change] of Object.entries<readonly (readonly [string, string])[]>({
    'as it stands': [],
    'with actions': [['serve.yaml', 'serve-with-actions.yaml']],
    'with a CronJob and an Ingress': [
      ['workers.yaml', 'cron-job.yaml'],
      ['', 'ingress.yaml'],
    ],
  })) {
    test(`makes one whole of it ${what}: the image and the configuration are put everywhere`, (t) => {
      if (why !== undefined) return t.skip(why)
      const made = render(change)
      const config = made.find(({ kind }) => kind === 'ConfigMap')!
      assert.match(config.metadata.name, /^holdfast-[a-z0-9]{10}$/)
      for (const { name, pod } of podsOf(made)) {
        assert.equal(pod.spec.containers[0]!.image, `registry.example.com/holdfast:${version}`, name)
        assert.deepEqual(
          pod.spec.volumes.find((volume) => volume.name === 'config'),
          { name: 'config', configMap: { name: config.metadata.name } },
        )
      }
      const kinds = new Set(made.map(({ kind }) => kind))
      for (const [, added] of change) for (const { kind } of written.get(added)!) assert.ok(kinds.has(kind), kind)
    })
  }
})

const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string }

/** The kustomization with some of its lines struck out (the first of a pair) and others put in. */
function render(change: readonly (readonly [gone: string, added: string])[]): Thing[] {
  const copy = mkdtempSync(path.join(scratch, 'cluster-'))
  cpSync(folder, copy, { recursive: true })
  const file = path.join(copy, 'kustomization.yaml')
  let text = readFileSync(file, 'utf8')
  for (const [gone, added] of change) {
    assert.ok(text.includes(`  # - ${added}\n`), added)
    text = text.replace(`  # - ${added}\n`, `  - ${added}\n`).replace(`  - ${gone}\n`, '')
  }
  writeFileSync(file, text)
  const { status, stdout, stderr } = spawnSync('kubectl', ['kustomize', copy], { encoding: 'utf8' })
  assert.deepEqual([status, stderr], [0, ''])
  return thingsOf(stdout)
}

async function whyNoKubectl(): Promise<string | undefined> {
  if (spawnSync('kubectl', ['version', '--client']).status === 0) return undefined
  try {
    await ensureDebianPackages(['kubernetes-client'])
    return undefined
  } catch (error) {
    if (!isFault(error, 'unsupported')) throw error
    return `${error.message}; ${error.hint}`
  }
}
