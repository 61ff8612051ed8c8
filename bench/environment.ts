/**
 * Environments beside rsync, cp, unsquashfs, restic and btrfs, on the same generated data in one run: `npm run bench:env`, as root.
 * 7 nodes, about 3 GB in 4,000 files; a suite changes 2 % of the databases, adds 200 files, removes 50, appends to logs.
 * `--small` takes a tenth of it, to try the script. Every command is a whole process; "in process" is what it says of itself.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { formatBytes } from '../src/kit/index.ts'
import { installedCommand } from './data/installed.ts'
import { makeEnvironment, runSuite, standardShape } from './data/environment.ts'
import { measure, sizeOf } from './data/measure.ts'

const shape = process.argv.includes('--small') ? { ...standardShape, databaseBytes: 40 << 20 } : standardShape
const rounds = 3
const folder = mkdtempSync(path.join(os.tmpdir(), 'holdfast-bench-env-'))
const holdfast = installedCommand()
const env = { XDG_CACHE_HOME: path.join(folder, 'cache'), XDG_STATE_HOME: path.join(folder, 'state') }

/** One way of keeping an environment and giving it back. `{at}` is a folder of its own on the file system that it asks for. */
interface Contender {
  readonly name: string
  readonly on: 'ext4' | 'xfs' | 'btrfs'
  readonly create: string
  readonly restore: string
  readonly end?: string
  /** The live directory is a subvolume. */
  readonly subvolume?: boolean
  readonly env?: NodeJS.ProcessEnv
}

const ours = (name: string, on: Contender['on'], lines: string): Contender => ({
  name: `holdfast ${name}`,
  on,
  create: `cd {at} && printf '[store]\\nurl = "file:./store"\\n[env.stage]\\npath = "live"\\n${lines}' > holdfast.toml && ${holdfast} env create --json > made.json`,
  restore: `cd {at} && ${holdfast} env restore --json > given.json`,
  end: `cd {at} && ${holdfast} env stop --quiet`,
})

const contenders: readonly Contender[] = [
  ours('filesystem, rsync', 'ext4', 'mode = "filesystem"\\n'),
  ours('filesystem, builtin', 'ext4', 'mode = "filesystem"\\ncopier = "builtin"\\n'),
  ours('store', 'ext4', 'mode = "store"\\n'),
  ours('squashfs', 'ext4', 'mode = "squashfs"\\n'),
  ours('overlay', 'ext4', 'mode = "overlay"\\n'),
  ours('volume, btrfs', 'ext4', 'mode = "volume"\\n'),
  ours('volume, xfs', 'ext4', 'mode = "volume"\\nvolume_file_system = "xfs"\\n'),
  ours('reflink, xfs', 'xfs', 'mode = "reflink"\\n'),
  ours('reflink, btrfs', 'btrfs', 'mode = "reflink"\\n'),
  {
    name: 'rsync -a --delete',
    on: 'ext4',
    create: 'rsync -a --delete {at}/live/ {at}/kept/',
    restore: 'rsync -a --delete {at}/kept/ {at}/live/',
  },
  { name: 'rm, cp -a', on: 'ext4', create: 'cp -a {at}/live {at}/kept', restore: 'rm -rf {at}/live && cp -a {at}/kept {at}/live' },
  {
    name: 'rm, unsquashfs',
    on: 'ext4',
    create: 'mksquashfs {at}/live {at}/kept.sqfs -noI -noD -noF -noX -quiet -no-progress',
    restore: 'rm -rf {at}/live && unsquashfs -q -n -f -d {at}/live {at}/kept.sqfs >/dev/null',
  },
  {
    name: 'restic restore (0.14 cannot delete)',
    on: 'ext4',
    create: 'restic init -q && cd {at}/live && restic backup -q .',
    restore: 'rm -rf {at}/live && restic restore -q latest --target {at}/live',
    env: { RESTIC_PASSWORD: 'bench', RESTIC_REPOSITORY: '{at}/kept', RESTIC_CACHE_DIR: path.join(folder, 'restic') },
  },
  {
    name: 'rm, cp --reflink, xfs',
    on: 'xfs',
    create: 'cp -a --reflink=always {at}/live {at}/kept',
    restore: 'rm -rf {at}/live && cp -a --reflink=always {at}/kept {at}/live',
  },
  {
    name: 'btrfs subvolume',
    on: 'btrfs',
    subvolume: true,
    create: 'btrfs -q subvolume snapshot -r {at}/live {at}/kept',
    restore: 'btrfs -q subvolume delete {at}/live && btrfs -q subvolume snapshot {at}/kept {at}/live',
  },
]

interface Result {
  readonly name: string
  readonly create: number
  readonly suite: number
  readonly wall: number
  readonly inProcess: number | undefined
  readonly cpu: number
  readonly suiteWritten: number
  readonly written: number
}

const places = { ext4: path.join(folder, 'ext4'), xfs: path.join(folder, 'xfs'), btrfs: path.join(folder, 'btrfs') }
const only = process.argv.find((word) => word.startsWith('--only='))?.slice('--only='.length)

try {
  mkdirSync(places.ext4)
  mountImage('xfs')
  mountImage('btrfs')
  const clean = path.join(folder, 'clean')
  makeEnvironment(clean, shape)
  console.log(`an environment of ${shape.nodes} nodes, ${formatBytes(sizeOf(clean))}; medians of ${rounds} rounds\n`)
  const plain = { ext4: plainSuite(clean, 'ext4'), xfs: plainSuite(clean, 'xfs'), btrfs: plainSuite(clean, 'btrfs') }
  console.log('| | create s | suite s (to plain) | suite wrote | restore, in process ms | restore, command s | CPU s | restore wrote |')
  console.log('|---|---|---|---|---|---|---|---|')
  for (const each of contenders.filter(({ name }) => only === undefined || name.includes(only))) {
    const { name, create, suite, wall, inProcess, cpu, suiteWritten, written } = tryOut(each, clean)
    const cells = [
      name,
      create.toFixed(2),
      `${suite.toFixed(2)} (${(suite / plain[each.on]).toFixed(2)})`,
      formatBytes(suiteWritten),
      inProcess === undefined ? '' : String(Math.round(inProcess)),
      wall.toFixed(2),
      cpu.toFixed(2),
      formatBytes(written),
    ]
    console.log(`| ${cells.join(' | ')} |`)
  }
} finally {
  for (const place of [places.xfs, places.btrfs]) spawnSync('umount', [place])
  rmSync(folder, { recursive: true, force: true })
}

function mountImage(type: 'xfs' | 'btrfs'): void {
  const image = path.join(folder, `${type}.img`)
  const bytes = shape.databaseBytes * shape.nodes * 4 + 2 ** 31
  mkdirSync(places[type])
  measure(`truncate -s ${bytes} ${image} && mkfs.${type} -q ${image} && mount -o loop ${image} ${places[type]}`)
}

function tryOut(contender: Contender, clean: string): Result {
  const at = path.join(places[contender.on], 'case')
  mkdirSync(at)
  const fill = (line: string) => line.replaceAll('{at}', at)
  const variables = { ...env, ...Object.fromEntries(Object.entries(contender.env ?? {}).map(([key, value]) => [key, fill(value ?? '')])) }
  const live = path.join(at, 'live')
  measure(
    contender.subvolume === true
      ? `btrfs -q subvolume create ${live} && cp -a ${clean}/. ${live} && chmod --reference=${clean} ${live}`
      : `cp -a ${clean} ${live}`,
  )
  sync()
  const create = measure(fill(contender.create), variables)
  const suites: number[] = []
  const walls: number[] = []
  const inProcess: number[] = []
  const cpus: number[] = []
  const suiteWrites: number[] = []
  const writes: number[] = []
  // The first restore of an index learns what is there, and the first of a swap moves the plain directory away.
  for (let round = -1; round < rounds; round++) {
    sync()
    const before = sectorsWritten()
    const begun = performance.now()
    runSuite(live, shape, 0.02, 100 + round)
    const suite = (performance.now() - begun) / 1000
    sync()
    const between = sectorsWritten()
    const cost = measure(fill(contender.restore), variables)
    sync()
    if (round < 0) continue
    suites.push(suite)
    suiteWrites.push((between - before) * 512)
    writes.push((sectorsWritten() - between) * 512)
    walls.push(cost.wall)
    cpus.push(cost.cpu)
    if (contender.name.startsWith('holdfast')) inProcess.push(millisecondsOf(path.join(at, 'given.json')))
  }
  assertClean(clean, live)
  if (contender.end !== undefined) measure(fill(contender.end), variables)
  if (contender.on === 'btrfs') measure(`find ${at} -inum 256 -type d -exec btrfs property set -f {} ro false \\;`)
  measure(`rm -rf ${at}`)
  return {
    name: contender.name,
    create: create.wall,
    suite: median(suites),
    wall: median(walls),
    inProcess: inProcess.length === 0 ? undefined : median(inProcess),
    cpu: median(cpus),
    suiteWritten: median(suiteWrites),
    written: median(writes),
  }
}

function plainSuite(clean: string, on: Contender['on']): number {
  const live = path.join(places[on], 'plain')
  measure(`cp -a ${clean} ${live}`)
  const times: number[] = []
  for (let round = -1; round < rounds; round++) {
    sync()
    const begun = performance.now()
    runSuite(live, shape, 0.02, 100 + round)
    if (round >= 0) times.push((performance.now() - begun) / 1000)
  }
  rmSync(live, { recursive: true })
  return median(times)
}

/** Squashfs keeps times in whole seconds, and not every peer gives the root its mode: content, names, modes and owners below it count. */
function assertClean(clean: string, live: string): void {
  const { stdout, status } = spawnSync('rsync', ['-anci', '--no-times', '--omit-dir-times', '--delete', `${clean}/`, `${live}/`], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  })
  const differing = stdout.split('\n').filter((line) => line !== '' && !line.endsWith(' ./'))
  if (status !== 0 || differing.length > 0) throw new Error(`the restore is not what was kept:\n${stdout.slice(0, 2000)}`)
}

function sync(): void {
  spawnSync('sync')
}

/** Of the disk below it all; what loop devices write arrives there too. */
function sectorsWritten(): number {
  const { dev } = statSync(os.tmpdir())
  const [major, minor] = [(dev >> 8) & 0xfff, (dev & 0xff) | ((dev >> 12) & 0xfff00)]
  const fields = readFileSync(`/sys/dev/block/${major}:${minor}/stat`, 'utf8').trim().split(/\s+/)
  return Number(fields[6])
}

function millisecondsOf(file: string): number {
  return (JSON.parse(readFileSync(file, 'utf8')) as { result: { milliseconds: number } }).result.milliseconds
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}
