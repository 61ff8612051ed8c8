import type { Digest } from '../../../src/kit/index.ts'

/** Bytes that a server gives: in memory, or a file that is read from the disk as it is sent. */
export type Content = Uint8Array | string | { readonly file: string } | { readonly pieces: () => AsyncIterable<Uint8Array> }

/** A run as a test wants it. What is not said is that of a good run. */
export interface RunScene {
  /** Of the metadata block in its log; without one there is no block. */
  readonly tag?: string
  /** Further lines of the block, or others in place of those it has. */
  readonly fields?: Readonly<Record<string, string>>
  readonly id?: number
  readonly attempt?: number
  readonly branch?: string
  readonly commit?: string
  readonly event?: string
  readonly actor?: string
  readonly title?: string
  readonly status?: 'completed' | 'in_progress' | 'queued'
  readonly conclusion?: 'success' | 'failure' | 'cancelled' | 'timed_out' | 'skipped'
  /** Milliseconds since 1970. */
  readonly createdAt?: number
  /** Without them there is one, `build`, whose log has the block. */
  readonly jobs?: readonly JobScene[]
  readonly artifacts?: readonly ArtifactScene[]
  /** What becomes of it, one step each time that it is asked for by its id. */
  readonly later?: readonly Omit<RunScene, 'later' | 'id'>[]
}

export interface JobScene {
  readonly name: string
  readonly id?: number
  readonly status?: 'completed' | 'in_progress' | 'queued'
  readonly conclusion?: 'success' | 'failure' | 'cancelled' | 'skipped' | 'timed_out'
  readonly steps?: readonly {
    readonly name: string
    readonly status?: 'completed' | 'in_progress' | 'queued'
    readonly conclusion?: string
  }[]
  /** Without one the server has none. */
  readonly log?: Content
}

export interface ArtifactScene {
  readonly name?: string
  readonly id?: number
  readonly content: Content
  /** Without one GitHub says none, as of old artifacts. */
  readonly digest?: Digest
  readonly isExpired?: boolean
}

const block = (tag: string, { fields }: RunScene): Record<string, string> => ({
  'Presto repository': 'prestodb/presto',
  'Presto ref': '92865fbce0d2a056af5334a0afecc1f36853b657',
  'Velox repository': 'rapidsai/velox',
  'Velox ref': '65797d572e0a297fa898e4f6ab4c1afc75fe3419',
  'Target platform': tag.endsWith('-linux-arm64') ? 'linux/arm64' : 'linux/amd64',
  'Worker bundle mode': 'all_native',
  'Build native CPU': 'true',
  'Build native GPU': 'true',
  'Build Java worker': 'false',
  'Image tag': tag,
  'Registry push': 'false',
  'Generated at': '2026-01-02T03:04:05Z',
  ...fields,
})

/** The jobs of a run, with the log of the build that prints the block. */
export function jobsOf(scene: RunScene): readonly JobScene[] {
  if (scene.jobs !== undefined) return scene.jobs
  const status = scene.status ?? 'completed'
  const log = buildLog(scene.tag === undefined ? undefined : block(scene.tag, scene))
  return [{ name: 'build', status, conclusion: scene.conclusion ?? 'success', ...(status === 'completed' ? { log } : {}) }]
}

/** A job's log as GitHub keeps it: a time before each line, the script echoed in colour, then what it printed. */
export function buildLog(fields: Readonly<Record<string, string>> | undefined, noise: readonly string[] = []): string {
  const written = Object.entries(fields ?? {})
  const line = (key: string, value: string) => `${key.padEnd(19)}: ${value}`
  const script = [
    'cat <<EOF',
    ...written.map(([key]) => line(key, `$\{${key.toUpperCase().replaceAll(/\W/g, '_')}}`)),
    'EOF',
    `echo "Image tag: $\{IMAGE_TAG}"`,
  ]
  const lines = [
    'Current runner version: 2.320.0',
    '##[group]Operating System',
    'Ubuntu',
    '##[endgroup]',
    ...noise,
    '##[group]Run cat <<EOF',
    ...script.map((text) => `\u001B[36;1m${text}\u001B[0m`),
    'shell: /usr/bin/bash -e {0}',
    'env:',
    '  IMAGE_TAG: not-this-one',
    '##[endgroup]',
    '==== Build metadata ====',
    ...written.map(([key, value]) => line(key, value)),
    '========================',
    'Uploading the artifact',
    'Cleaning up orphan processes',
  ]
  const start = Date.UTC(2026, 0, 2, 3, 4, 5)
  return `\uFEFF${lines.map((text, at) => `${new Date(start + at * 37).toISOString().replace('Z', '1234Z')} ${text}\n`).join('')}`
}
