import type { Command } from 'commander'
import type { Config } from '../config/index.ts'
import type { Cli } from './command.ts'
import type { Example } from './help.ts'

interface Group {
  readonly name: string
  readonly summary: string
  readonly examples: readonly Example[]
  /** Its commands. What they need is loaded with them. */
  readonly load: (config: Config | undefined) => Promise<(group: Command, cli: Cli) => void>
}

export const capabilities: readonly Group[] = [
  {
    name: 'release',
    summary: 'Libraries in channels: a build becomes stable, stable becomes last-stable',
    examples: [
      ['holdfast release create rcclx --variant 6.4', 'build and release'],
      ['holdfast release status rcclx', 'where each variant stands'],
      ['holdfast release rollback rcclx --variant 6.4', 'back to last-stable'],
    ],
    async load(config) {
      const { addReleaseCommands } = await import('./release.ts')
      const { variantFlagsOf } = await import('./release/choose.ts')
      return (group, cli) => addReleaseCommands(group, cli, variantFlagsOf(config))
    },
  },
  {
    name: 'snapshot',
    summary: 'Directory trees: kept at the cost of what changed, given back exactly',
    examples: [
      ['holdfast snapshot create /srv/env', 'keep what is there'],
      ['holdfast snapshot list', 'what is kept'],
      ['holdfast snapshot restore latest --to /srv/env --delete', 'back to it'],
    ],
    load: async () => (await import('./snapshot.ts')).addSnapshotCommands,
  },
  {
    name: 'env',
    summary: 'Test environments: a live directory goes back to a clean state before each suite',
    examples: [
      ['holdfast env create', 'keep the clean state'],
      ['holdfast env restore', 'back to it'],
      ['holdfast env run --suites unit,api -- npm test', 'back to it before each suite'],
    ],
    load: async () => (await import('./env.ts')).addEnvironmentCommands,
  },
  {
    name: 'runs',
    summary: 'Experiment runs: listed on a server, synced at the cost of what changed',
    examples: [
      ['holdfast runs sync sftp://ann@lab-3/data/exp --to runs', 'the first time'],
      ['holdfast runs ls --to runs --status running', 'what runs now'],
      ['holdfast runs sync --to runs --active --watch 30', 'follow it'],
    ],
    load: async () => (await import('./runs.ts')).addRunsCommands,
  },
  {
    name: 'index',
    summary: 'A Python package index in a bucket: mirrored, published, promoted, rolled back',
    examples: [
      ['holdfast index mirror --package torch --dry-run', 'what would be fetched'],
      ['holdfast index publish all', 'the pages of what the bucket holds'],
      ['holdfast index promote v2-staging/gfx94X-dcgpu v2/gfx94X-dcgpu', 'what passed its tests'],
    ],
    load: async () => (await import('./python-index.ts')).addIndexCommands,
  },
  {
    name: 'images',
    summary: 'Container images: from the builds of a workflow to a registry, and between registries',
    examples: [
      ['holdfast images xref', 'which builds the registry lacks'],
      ['holdfast images sync --missing', 'bring them there'],
      ['holdfast images retag x86/presto-coordinator:1.2 x86/presto-coordinator:latest', 'move a tag'],
    ],
    async load(config) {
      const { addImagesCommands } = await import('./images.ts')
      return (group, cli) => addImagesCommands(group, cli, config)
    },
  },
]

export const care: readonly Group[] = [
  {
    name: 'store',
    summary: 'The store as a whole: give back space that nothing needs, find damage, copy it',
    examples: [
      ['holdfast store prune --dry-run', 'how much would be given back'],
      ['holdfast store verify --read-data', 'whether every byte is what it was'],
      ['holdfast store copy --to s3://backup/holdfast', 'a second store that follows the first'],
    ],
    load: async () => (await import('./store.ts')).addStoreCommands,
  },
  {
    name: 'token',
    summary: 'Who may change something through the server, and what was done there',
    examples: [
      ['holdfast token create ci --scope release:promote', 'its secret is shown once'],
      ['holdfast token list', 'what there is, and when it was used last'],
      ['holdfast token revoke 4f2a91c07b1e', 'from the next request on it is refused'],
    ],
    load: async () => (await import('./token.ts')).addTokenCommands,
  },
  {
    name: 'jobs',
    summary: 'What the daemon does, has done and will do: jobs, units of work, logs',
    examples: [
      ['holdfast jobs list', 'all at a glance'],
      ['holdfast jobs log 128 --follow', 'what a unit says'],
      ['holdfast jobs run images-sync', 'do not wait for its time'],
    ],
    load: async () => (await import('./jobs.ts')).addJobsCommands,
  },
  {
    name: 'notify',
    summary: 'Who is told when jobs fail and are well again: webhooks, Slack, mail',
    examples: [
      ['holdfast notify test', 'whether what is configured gets there'],
      ['holdfast notify list', 'who was told last, and who cannot be told'],
    ],
    load: async () => (await import('./notify.ts')).addNotifyCommands,
  },
  {
    name: 'systemd',
    summary: 'The daemon, a worker or the server as a service of systemd',
    examples: [
      ['holdfast systemd print', 'look at the unit first'],
      ['sudo holdfast systemd install --run-as holdfast', 'write and start it'],
    ],
    load: async () => (await import('./systemd.ts')).addSystemdCommands,
  },
]

export interface GroupOptions {
  readonly config?: Config | undefined
  /** The command line: groups that it does not name have no commands. Without one, all have. */
  readonly words?: readonly string[] | undefined
}

export async function addGroups(program: Command, cli: Cli, groups: readonly Group[], { config, words }: GroupOptions): Promise<void> {
  for (const { name, summary, examples, load } of groups) {
    const group = cli.group(program, name, summary, examples)
    // The script for completion has all of them.
    const isNeeded = words === undefined || words.includes(name) || words.includes('completion')
    if (isNeeded) (await load(config))(group, cli)
  }
}

/** `holdfast generate-manifest`: the same as in its group. Scripts and timers call it so; lists leave it out. */
export async function addShortcuts(program: Command, cli: Cli, { words }: GroupOptions): Promise<void> {
  if (words !== undefined && !words.includes('generate-manifest')) return
  const { addGenerateCommand } = await import('./runs/generate.ts')
  addGenerateCommand(program, cli)
}
