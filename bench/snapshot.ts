/**
 * Snapshots beside restic, borg, casync, rsync and tar with zstd, on the same generated data in one run:
 * `npm run bench:snapshot [case ...]` with the cases a (a test environment), b (versions of a library), c (small files).
 * Every command is timed as a whole process. restic encrypts, the others do not.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { formatBytes } from '../src/kit/index.ts'
import { installedCommand } from './data/installed.ts'
import { makeEnvironment, makeSmallTree, runSuite, standardShape } from './data/environment.ts'
import { makeVersions, standardLibrary } from './data/library.ts'
import { type Cost, measure, sizeOf } from './data/measure.ts'

const cases = process.argv.slice(2)
const folder = mkdtempSync(path.join(os.tmpdir(), 'holdfast-bench-'))
const at = (...parts: string[]) => path.join(folder, ...parts)
const holdfast = installedCommand()

/** How each tool keeps a folder or file, and gives it back. `{store}`, `{source}`, `{name}` and `{to}` are filled in. */
interface Tool {
  readonly name: string
  readonly program: string
  readonly init?: string
  readonly keep: string
  readonly restore: string
  readonly restoreInPlace?: string
  readonly env?: NodeJS.ProcessEnv
}

const cache = at('cache')
const tools: readonly Tool[] = [
  {
    name: 'holdfast',
    program: 'node',
    keep: `${holdfast} snapshot create {source} --name bench --store file://{store} --quiet`,
    restore: `${holdfast} snapshot restore {name} --to {to} --store file://{store} --quiet`,
    restoreInPlace: `${holdfast} snapshot restore {name} --to {to} --delete --yes --store file://{store} --quiet`,
    env: { XDG_CACHE_HOME: cache, XDG_STATE_HOME: at('state') },
  },
  {
    name: 'restic (encrypts)',
    program: 'restic',
    init: 'restic init -q',
    keep: 'cd {source} && restic backup -q .',
    restore: 'restic restore -q latest --target {to}',
    env: { RESTIC_PASSWORD: 'bench', RESTIC_CACHE_DIR: cache, RESTIC_REPOSITORY: '{store}' },
  },
  {
    name: 'borg (lz4)',
    program: 'borg',
    init: 'borg init -e none {store}',
    keep: 'cd {source} && borg create {store}::{name} .',
    restore: 'mkdir -p {to} && cd {to} && borg extract {store}::{name}',
    env: {
      BORG_CACHE_DIR: cache,
      BORG_CONFIG_DIR: at('borg'),
      BORG_SECURITY_DIR: at('borg-security'),
      BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK: 'yes',
    },
  },
  {
    name: 'casync',
    program: 'casync',
    keep: 'mkdir -p {store} && casync make --store={store}/chunks.castr {store}/{name}.caidx {source} >/dev/null',
    restore: 'casync extract --store={store}/chunks.castr {store}/{name}.caidx {to}',
  },
  {
    name: 'rsync -a',
    program: 'rsync',
    keep: 'rsync -a --delete {source}/ {store}/',
    restore: 'rsync -a {store}/ {to}/',
    restoreInPlace: 'rsync -a --delete {store}/ {to}/',
  },
  {
    name: 'tar | zstd -1 -T2',
    program: 'zstd',
    keep: 'mkdir -p {store} && tar -cf - -C {source} . | zstd -q -1 -T2 -f -o {store}/{name}.tar.zst',
    restore: 'mkdir -p {to} && zstd -q -dc {store}/{name}.tar.zst | tar -xf - -C {to}',
  },
]

const present = tools.filter(({ program, name }) => {
  const found = program === 'node' || spawnSync('sh', ['-c', `command -v ${program}`]).status === 0
  if (!found) console.log(`${name}: not installed, left out (apt-get install restic borgbackup casync rsync zstd)`)
  return found
})

try {
  if (cases.length === 0 || cases.includes('a')) environmentCase()
  if (cases.length === 0 || cases.includes('b')) libraryCase()
  if (cases.length === 0 || cases.includes('c')) smallFilesCase()
} finally {
  rmSync(folder, { recursive: true, force: true })
}

function environmentCase(): void {
  const live = at('live')
  makeEnvironment(live, standardShape)
  console.log(`\n(a) an environment of ${standardShape.nodes} nodes, ${formatBytes(sizeOf(live))}\n`)
  const first = each('first', (tool) => keep(tool, live, 'first'))
  const stored = new Map(present.map((tool) => [tool.name, storedBy(tool)]))
  const unchanged = each('unchanged', (tool) => keep(tool, live, 'unchanged'))
  const before = new Map(present.map((tool) => [tool.name, storedBy(tool)]))
  const suite = runSuite(live, standardShape, 0.02, 99)
  // Where a tool keeps only the last state, the first one is that until the next column.
  const inPlace = each('restore in place', (tool) => {
    if (tool.restoreInPlace === undefined) return undefined
    const dirty = at('dirty', tool.program)
    // What the copy wrote is not to be waited for by whoever makes sure of what it writes.
    measure(`mkdir -p ${at('dirty')} && cp -a ${live} ${dirty} && sync`)
    return run(tool.restoreInPlace, tool, { name: nameFor(tool, 'first'), to: dirty })
  })
  const changed = each('2 % changed', (tool) => keep(tool, live, 'changed'))
  mkdirSync(at('restored'))
  // Last, and each into a folder of its own: files are made slowly where others were deleted a moment ago.
  const whole = each('restore whole', (tool) =>
    run(tool.restore, tool, { name: nameFor(tool, 'changed'), to: at('restored', tool.program) }),
  )
  console.log(
    `the suite changed ${formatBytes(suite.changedBytes)} in ${suite.changedPages} pages, added ${suite.added} files, removed ${suite.removed}\n`,
  )
  print(['first', 'unchanged', '2 % changed', 'restore whole', 'restore in place'], [first, unchanged, changed, whole, inPlace])
  console.log('\n| stored | first | added after 2 % |\n|---|---|---|')
  for (const tool of present)
    console.log(`| ${tool.name} | ${formatBytes(stored.get(tool.name)!)} | ${formatBytes(storedBy(tool) - before.get(tool.name)!)} |`)
  clean(live, at('dirty'), at('restored'))
}

function libraryCase(): void {
  mkdirSync(at('versions'))
  const files = makeVersions(at('versions'), standardLibrary, 6, 0.05)
  console.log(`\n(b) six versions of a library of ${formatBytes(standardLibrary.bytes)}, 5 % of its members changed each\n`)
  const source = at('library')
  mkdirSync(source)
  const firsts = new Map<string, Cost>()
  const laters = new Map<string, number[]>()
  files.forEach((file, version) => {
    measure(`cp ${file} ${source}/librcclx-dev.a`)
    for (const tool of present) {
      const cost = keep(tool, source, `v${version}`)
      if (version === 0) firsts.set(tool.name, cost)
      else laters.set(tool.name, [...(laters.get(tool.name) ?? []), cost.wall])
    }
  })
  console.log('| tool | first, s | each later one, s (median) | stored in all |\n|---|---|---|---|')
  for (const tool of present) {
    const later = laters.get(tool.name)!.toSorted((a, b) => a - b)[2]!
    console.log(`| ${tool.name} | ${firsts.get(tool.name)!.wall.toFixed(2)} | ${later.toFixed(2)} | ${formatBytes(storedBy(tool))} |`)
  }
  clean(source, at('versions'))
}

function smallFilesCase(): void {
  const live = at('small')
  makeSmallTree(live, 200_000, 5)
  console.log(`\n(c) 200,000 files of 1 to 8 KB, ${formatBytes(sizeOf(live))}\n`)
  const first = each('first', (tool) => keep(tool, live, 'first'))
  const unchanged = each('unchanged', (tool) => keep(tool, live, 'unchanged'))
  mkdirSync(at('restored'))
  const whole = each('restore', (tool) => run(tool.restore, tool, { name: nameFor(tool, 'unchanged'), to: at('restored', tool.program) }))
  print(['first', 'unchanged', 'restore whole'], [first, unchanged, whole])
  console.log('\n| stored | |\n|---|---|')
  for (const tool of present) console.log(`| ${tool.name} | ${formatBytes(storedBy(tool))} |`)
  clean(live, at('restored'))
}

function each(what: string, work: (tool: Tool) => Cost | undefined): Map<string, Cost> {
  const costs = new Map<string, Cost>()
  for (const tool of present) {
    const cost = work(tool)
    if (cost !== undefined) costs.set(tool.name, cost)
    process.stderr.write(`${what}: ${tool.name} ${cost === undefined ? '-' : cost.wall.toFixed(2)} s\n`)
  }
  return costs
}

function keep(tool: Tool, source: string, name: string): Cost {
  if (tool.init !== undefined && name === 'first') measure(filled(tool.init, tool, {}), environmentOf(tool))
  else if (tool.init !== undefined && name === 'v0') measure(filled(tool.init, tool, {}), environmentOf(tool))
  return run(tool.keep, tool, { source, name })
}

/** Ours and restic's snapshots are asked for by what they are called here; ours by its place in the order. */
function nameFor(tool: Tool, name: string): string {
  if (tool.name !== 'holdfast') return name
  return name === 'first' ? 'latest~1' : 'latest'
}

function run(line: string, tool: Tool, values: Record<string, string>): Cost {
  return measure(filled(line, tool, values), environmentOf(tool))
}

function filled(line: string, tool: Tool, values: Record<string, string>): string {
  return line.replaceAll(/\{(\w+)\}/g, (_whole, name: string) => (name === 'store' ? storeOf(tool) : (values[name] ?? '')))
}

function environmentOf(tool: Tool): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(tool.env ?? {}).map(([name, value]) => [name, value?.replace('{store}', storeOf(tool))]))
}

function storeOf(tool: Tool): string {
  return at('stores', tool.name.replaceAll(/\W+/g, '-'))
}

function storedBy(tool: Tool): number {
  return sizeOf(storeOf(tool))
}

function clean(...folders: string[]): void {
  for (const each of [...folders, at('stores'), cache]) rmSync(each, { recursive: true, force: true })
}

function print(columns: readonly string[], costs: readonly ReadonlyMap<string, Cost>[]): void {
  console.log(`| wall s (CPU s, peak MB) | ${columns.join(' | ')} |\n|---|${'---|'.repeat(columns.length)}`)
  for (const { name } of present) {
    const cells = costs.map((column) => {
      const cost = column.get(name)
      return cost === undefined ? '' : `${cost.wall.toFixed(2)} (${cost.cpu.toFixed(1)}, ${cost.rss.toFixed(0)})`
    })
    console.log(`| ${name} | ${cells.join(' | ')} |`)
  }
}
